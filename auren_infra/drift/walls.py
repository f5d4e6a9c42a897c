"""The firewall between containers: a rule that was flushed, added or changed, and filtering that was switched off."""

from collections.abc import Iterator, Sequence

from auren_infra.drift import ufw
from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.drift.rules import Rule, rule
from auren_infra.host.expected import Expected
from auren_infra.host.orders import ContainerFirewall
from auren_infra.host.sent import Command

CONTAINERS = "DOCKER-USER"
"""The chain that says who may talk to whom."""


def findings(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    for command in wanted.container_firewalls:
        yield from _between_containers(command, facts)
    for command in wanted.machine_firewalls:
        yield from ufw.findings(command, facts)


def _between_containers(command: Command[ContainerFirewall], facts: Facts) -> Iterator[Finding]:
    wanted = [line for line in command.order.rules.splitlines() if line.startswith("-A ")]
    if found := facts.filter.of(CONTAINERS):
        yield from _rules(wanted, found, command.urn)
    else:
        yield Finding(CONTAINERS, "holds no rule: the container firewall was flushed", command.urn)
    yield from _order(command, facts)
    if not facts.bridge_filtering:
        yield Finding(
            "net.bridge.bridge-nf-call-iptables",
            "is off: containers reach each other past the container firewall",
            by_hand="sysctl -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1",
        )


def _order(command: Command[ContainerFirewall], facts: Facts) -> Iterator[Finding]:
    """What may stand before the container firewall: rules that let nothing through.

    After a restart Docker has its isolation of networks there, which only drops packets.
    """
    forward = facts.filter.of("FORWARD")
    asked = [rule(line) for line in forward]
    if rule(f"-A FORWARD -j {CONTAINERS}") not in asked:
        what = f"does not ask {CONTAINERS}: the container firewall is bypassed"
        # Docker's own rules are gone with it.
        yield Finding("FORWARD", what, command.urn, "systemctl restart docker")
        return
    for line in forward[: asked.index(rule(f"-A FORWARD -j {CONTAINERS}"))]:
        if facts.filter.lets_through(line):
            what = f"lets packets through before it asks {CONTAINERS}, `{line}`: the container firewall is bypassed"
            yield Finding("FORWARD", what, command.urn)


def _rules(wanted: Sequence[str], found: Sequence[str], urn: str) -> Iterator[Finding]:
    deployed, present = _by_meaning(wanted), _by_meaning(found)
    for meaning, line in deployed.items():
        if meaning not in present:
            yield Finding(CONTAINERS, f"lacks the rule `{line}`", urn)
    for meaning, line in present.items():
        if meaning not in deployed:
            yield Finding(CONTAINERS, f"holds a rule that was not deployed, `{line}`", urn)
    if deployed.keys() == present.keys() and [rule(line) for line in wanted] != [rule(line) for line in found]:
        yield Finding(CONTAINERS, "holds its rules in another order, or one of them twice", urn)


def _by_meaning(lines: Sequence[str]) -> dict[Rule, str]:
    return {rule(line): line for line in lines}
