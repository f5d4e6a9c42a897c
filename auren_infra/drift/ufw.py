"""The firewall in front of the machine: what UFW was told, and what the kernel does, for IPv4 and for IPv6."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.drift.rules import Chains, Rule, rule, target
from auren_infra.host.orders import MachineFirewall
from auren_infra.host.sent import Command

PARTS = ("before-logging", "before", "after", "after-logging", "reject", "track")
"""The parts of UFW that what comes in is led to, in this order."""
_DOCKERS = ("docker0", "auren0", "br-")
"""How the interfaces begin that Docker has rules of its own for."""
_GROUPS = ("224.0.0.251/32", "239.255.255.250/32", "ff02::fb/128", "ff02::f/128")
"""What UFW lets in by itself: the addresses by which machines of one network find each other."""


@dataclass(frozen=True)
class Family:
    """IPv4 or IPv6."""

    name: str
    """As it stands behind a chain's name."""
    program: str
    prefix: str
    """Of UFW's chains."""
    suffix: str
    """Of UFW's files."""
    kernel: Chains
    file: Chains
    """What UFW loads into the kernel for the rules that it was told."""


def families(facts: Facts) -> tuple[Family, Family]:
    return (
        Family("", "iptables", "ufw", "", facts.filter, Chains(facts.lines("ufw-rules"))),
        Family(" (IPv6)", "ip6tables", "ufw6", "6", facts.filter6, Chains(facts.lines("ufw-rules6"))),
    )


def findings(command: Command[MachineFirewall], facts: Facts) -> Iterator[Finding]:
    if not facts.ufw_active:
        yield Finding("UFW", "is not active", command.urn)
    elif not facts.ufw_denies_by_default:
        yield Finding("UFW", "does not deny by default what comes in and passes through", command.urn)
    yield from _told(command, facts)
    for family in families(facts):
        yield from _beside(family)
    if facts.ufw_active:
        for family in families(facts):
            yield from _in_the_kernel(family, command.urn)


def _told(command: Command[MachineFirewall], facts: Facts) -> Iterator[Finding]:
    marked = {mark(line): line for line in command.order.rules.splitlines()}
    found = facts.ufw_rules
    for comment, line in marked.items():
        if not any(f"'{comment}'" in present for present in found):
            yield Finding("UFW", f"lacks the rule `{line}`", command.urn)
    for present in found:
        if not any(f"'{comment}'" in present for comment in marked):
            # What somebody added is never taken away by a deployment.
            what = f"holds a rule that was not deployed, `{present}`"
            yield Finding("UFW", what, by_hand=_deletion(present.partition(" comment ")[0]))


def _deletion(rule: str) -> str:
    """UFW has rules for what passes through apart, and another word order for them."""
    return f"ufw route delete {rule.removeprefix('route ')}" if rule.startswith("route ") else f"ufw delete {rule}"


def _in_the_kernel(family: Family, urn: str) -> Iterator[Finding]:
    """UFW tells what it was told, not whether the kernel still has it."""
    jumps = [f"-A INPUT -j {family.prefix}-{part}-input" for part in PARTS]
    if [line for line in family.kernel.of("INPUT") if line in jumps] != jumps:
        yield Finding(f"INPUT{family.name}", "does not ask UFW: its rules are passed by", by_hand=_asked_again(family))
    before = f"{family.prefix}-before-input"
    asked = f"-A {before} -j {family.prefix}-user-input" in family.kernel.of(before)
    closed = {family.kernel.policies.get(chain) for chain in ("INPUT", "FORWARD")} == {"DROP"}
    user = [f"{family.prefix}-user-{way}" for way in ("input", "forward")]
    loaded, written = (
        [[rule(line) for line in chains.of(chain)] for chain in user] for chains in (family.kernel, family.file)
    )
    if not (asked and closed and loaded == written):
        yield Finding(f"UFW{family.name}", "is active, but its rules are not what the kernel holds", urn)


def _asked_again(family: Family) -> str:
    """UFW 0.36 does not put the jumps back as long as the chains that they lead to are there."""
    if f"{family.prefix}-before-input" not in family.kernel.names:
        return "sed --in-place 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw && ufw disable && ufw --force enable"
    jump = f"{family.program} -A INPUT -j {family.prefix}-$part-input"
    return f"{family.program} -F INPUT; for part in {' '.join(PARTS)}; do {jump}; done"


def _beside(family: Family) -> Iterator[Finding]:
    """Rules that let packets through and that neither UFW nor Docker has put there."""
    for line in family.kernel.of("INPUT"):
        if _opens(family, line):
            yield Finding(f"INPUT{family.name}", f"holds a rule past UFW, `{line}`", by_hand=_taken_out(family, line))
    for line in _passing_through(family):
        if _opens(family, line) and not _dockers(line):
            what = f"lets through what was not deployed, `{line}`"
            yield Finding(f"{line.split()[1]}{family.name}", what, by_hand=_taken_out(family, line))
    for line in _of_ufw(family):
        if _opens(family, line) and not _own(rule(line)):
            chain = line.split()[1]
            file = f"{'after' if '-after-' in chain else 'before'}{family.suffix}.rules"
            yield Finding(
                f"{chain}{family.name}",
                f"lets in what UFW does not by itself, `{line}`",
                # Whoever edited the file would have it back at the next start.
                by_hand=f"cp /usr/share/ufw/iptables/{file} /etc/ufw/{file} && {_taken_out(family, line)}",
            )


def _opens(family: Family, line: str) -> bool:
    """Whether a rule lets packets through, but for the jumps of UFW and of Docker."""
    leads_to = target(rule(line))
    ufws = leads_to.startswith(f"{family.prefix}-") and leads_to.endswith(("-input", "-forward", "-not-local"))
    dockers = leads_to.startswith("DOCKER") and line.startswith("-A FORWARD ")
    return not ufws and not dockers and family.kernel.lets_through(line)


def _passing_through(family: Family) -> Sequence[str]:
    """The rules about packets that pass through. For IPv4, those up to DOCKER-USER are the container firewall's."""
    forward = family.kernel.of("FORWARD")
    if family.suffix:
        return [*forward, *family.kernel.of("DOCKER-USER")]
    asked = "-A FORWARD -j DOCKER-USER"
    return forward[forward.index(asked) + 1 :] if asked in forward else []


def _of_ufw(family: Family) -> Iterator[str]:
    """The rules of UFW's own chains about what comes in or passes through, but for those that it was told."""
    prefix = family.prefix
    compared = {f"{prefix}-user-{part}" for part in ("input", "forward", "limit", "limit-accept")}
    for chain in family.kernel.names:
        if chain.startswith(f"{prefix}-") and not chain.endswith("-output") and chain not in compared:
            yield from family.kernel.of(chain)


def _own(said: Rule) -> bool:
    """Whether UFW itself lets this in: the machine's own packets, ICMP, DHCP, and how machines find each other."""
    options = {option[0]: option[1:] for option in said}
    return (
        options.get("-i") == ("lo",)
        or options.get("-p") in (("icmp",), ("icmpv6",), ("ipv6-icmp",))
        or options.get("-d", ("",))[0] in _GROUPS
        or (options.get("-p"), options.get("--sport"), options.get("--dport"))
        in ((("udp",), ("67",), ("68",)), (("udp",), ("547",), ("546",)))
    )


def _dockers(line: str) -> bool:
    """Docker before 28 has the rules of its networks here, behind the container firewall."""
    return any(option[0] in ("-i", "-o") and option[1].startswith(_DOCKERS) for option in rule(line))


def _taken_out(family: Family, line: str) -> str:
    return line.replace("-A", f"{family.program} -D", 1)


def mark(line: str) -> str:
    """The comment by which machine_firewall.sh knows this rule again."""
    return "auren-" + sha256(f"{line}\n".encode()).hexdigest()[:12]
