"""The walls on the machine: a rule that was flushed, added or changed, and filtering that was switched off."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from auren_infra.drift.facts import Facts, Rule, rule
from auren_infra.drift.finding import Finding
from auren_infra.drift.state import of
from auren_infra.host.sent import Command

CONTAINERS = "DOCKER-USER"
"""The chain that says who may talk to whom."""
UFW_PARTS = ("before-logging", "before", "after", "after-logging", "reject", "track")
"""The parts of UFW that what comes in is led to, in this order."""
_ANSWERS = rule("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED") - rule("-A FORWARD")
"""Packets of a connection that was let through before: the container firewall accepts them as well."""


def findings(commands: Sequence[Command], facts: Facts) -> Iterator[Finding]:
    for command in of(commands, "container_firewall"):
        yield from _between_containers(command, facts)
    for command in of(commands, "machine_firewall"):
        yield from _around_the_machine(command, facts)


def _between_containers(command: Command, facts: Facts) -> Iterator[Finding]:
    wanted = [line for line in (command.data or "").splitlines() if line.startswith("-A ")]
    if found := facts.chain(CONTAINERS):
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


def _order(command: Command, facts: Facts) -> Iterator[Finding]:
    """What may stand before the container firewall: rules that let nothing through.

    After a restart Docker has its isolation of networks there, which only drops packets.
    """
    forward = facts.chain("FORWARD")
    asked = [rule(line) for line in forward]
    if rule(f"-A FORWARD -j {CONTAINERS}") not in asked:
        what = f"does not ask {CONTAINERS}: the container firewall is bypassed"
        # Docker's own rules are gone with it.
        yield Finding("FORWARD", what, command.urn, "systemctl restart docker")
        return
    for line in forward[: asked.index(rule(f"-A FORWARD -j {CONTAINERS}"))]:
        if _lets_through(facts, line):
            what = f"lets packets through before it asks {CONTAINERS}, `{line}`: the container firewall is bypassed"
            yield Finding("FORWARD", what, command.urn)


def _lets_through(facts: Facts, line: str, within: frozenset[str] = frozenset()) -> bool:
    """Whether a rule, or one of a chain that it leads to, accepts what the container firewall could refuse."""
    said = rule(line)
    if said.issuperset(_ANSWERS):
        return False
    (target,) = [option[1] for option in said if option[0] in ("-j", "-g")] or [""]
    if target in ("ACCEPT", "NFQUEUE"):
        return True
    beyond = within | {target}
    return target not in within and any(_lets_through(facts, each, beyond) for each in facts.chain(target))


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


def _around_the_machine(command: Command, facts: Facts) -> Iterator[Finding]:
    if not facts.ufw_active:
        yield Finding("UFW", "is not active", command.urn)
    elif not facts.ufw_denies_by_default:
        yield Finding("UFW", "does not deny by default what comes in and passes through", command.urn)
    marked = {mark(line): line for line in (command.data or "").splitlines()}
    found = facts.ufw_rules
    for comment, line in marked.items():
        if not any(f"'{comment}'" in present for present in found):
            yield Finding("UFW", f"lacks the rule `{line}`", command.urn)
    for present in found:
        if not any(f"'{comment}'" in present for comment in marked):
            # What somebody added is never taken away by a deployment.
            what = f"holds a rule that was not deployed, `{present}`"
            yield Finding("UFW", what, by_hand=_deletion(present.partition(" comment ")[0]))
    if facts.ufw_active:
        yield from _in_the_kernel(command, facts)
    for line in facts.chain("INPUT"):
        if ("-j", "ACCEPT") in rule(line):
            what = f"holds a rule past UFW, `{line}`"
            yield Finding("INPUT", what, by_hand=line.replace("-A", "iptables -D", 1))


def _deletion(rule: str) -> str:
    """UFW has rules for what passes through apart, and another word order for them."""
    return f"ufw route delete {rule.removeprefix('route ')}" if rule.startswith("route ") else f"ufw delete {rule}"


def _in_the_kernel(command: Command, facts: Facts) -> Iterator[Finding]:
    """UFW tells what it was told, not whether the kernel still has it."""
    jumps = [f"-A INPUT -j ufw-{part}-input" for part in UFW_PARTS]
    if [line for line in facts.chain("INPUT") if line in jumps] != jumps:
        # UFW 0.36 does not put them back as long as the chains that they lead to are there.
        mend = f"iptables -F INPUT; for part in {' '.join(UFW_PARTS)}; do iptables -A INPUT -j ufw-$part-input; done"
        yield Finding("INPUT", "does not ask UFW: its rules are passed by", by_hand=mend)
    asked = "-A ufw-before-input -j ufw-user-input" in facts.chain("ufw-before-input")
    loaded = [rule(line) for line in facts.chain("ufw-user-input")]
    if not asked or facts.policies.get("INPUT") != "DROP" or loaded != [rule(line) for line in facts.ufw_file]:
        yield Finding("UFW", "is active, but its rules are not what the kernel holds", command.urn)


def mark(line: str) -> str:
    """The comment by which machine_firewall.sh knows this rule again."""
    return "auren-" + sha256(f"{line}\n".encode()).hexdigest()[:12]
