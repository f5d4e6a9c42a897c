"""The cloud's firewall, enforced in front of the droplets: pure text for iptables-restore, and its application.

Its rules are in the mangle table, where each packet passes one chain. Packets to a droplet, forwarded or from this
machine itself, pass POSTROUTING, after reserved addresses were translated and with the client's own source. Packets
from a droplet pass PREROUTING with their original destination. Neither Docker nor ufw writes to this table. The filter
table has only rules that accept what Docker and ufw would refuse: forwarded packets to droplets, and droplets'
connections to the registry and to Spaces. Other packets are dropped without an answer, as in the real firewall.
Established connections continue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from sandbox import layout
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule, HypervisorError
from sandbox.droplets.network import VPC_BRIDGE_PREFIX
from sandbox.droplets.run import run, succeeds

TO_DROPLET = "ASBX-TO-DROPLET"
FROM_DROPLET = "ASBX-FROM-DROPLET"
RESERVED = "ASBX-RESERVED"
FORWARD = "ASBX-FORWARD"
INPUT = "ASBX-INPUT"

_PUBLIC, _VPCS = layout.PUBLIC_BRIDGE, f"{VPC_BRIDGE_PREFIX}+"
_ESTABLISHED = "-m conntrack --ctstate ESTABLISHED,RELATED"
_LINK_LOCAL = "169.254.0.0/16"
_LOCAL = "-m addrtype --dst-type LOCAL"
_REGISTRY = f"-d {layout.GATEWAY} -p tcp --dport 443"
_SPACES = f"-d {layout.SPACES_ADDRESS} -p tcp --dport 443"
_NAMES = tuple(f"-d {layout.SPACES_ADDRESS} -p {protocol} --dport 53" for protocol in ("udp", "tcp"))


@dataclass(frozen=True)
class Hook:
    """A rule in a chain that is not ours, leading to one that is."""

    table: str
    chain: str
    match: str
    target: str

    def command(self, action: str) -> list[str]:
        return ["iptables", "-w", "-t", self.table, action, self.chain, *self.match.split(), "-j", self.target]


HOOKS = (
    Hook("mangle", "POSTROUTING", f"-o {_PUBLIC}", TO_DROPLET),
    Hook("mangle", "POSTROUTING", f"-o {_VPCS}", TO_DROPLET),
    Hook("mangle", "PREROUTING", f"-i {_PUBLIC}", FROM_DROPLET),
    Hook("mangle", "PREROUTING", f"-i {_VPCS}", FROM_DROPLET),
    Hook("nat", "PREROUTING", f"-d {layout.RESERVED_RANGE}", RESERVED),
    Hook("nat", "OUTPUT", f"-d {layout.RESERVED_RANGE}", RESERVED),
    # Docker keeps this chain's content, and its place before its own rules, when the daemon starts again.
    Hook("filter", "DOCKER-USER", "", FORWARD),
    Hook("filter", "INPUT", f"-i {_PUBLIC}", INPUT),
)


@dataclass(frozen=True)
class Addresses:
    """The addresses of a droplet."""

    public: IPv4Address
    private: IPv4Address

    def __str__(self) -> str:
        return f"{self.public},{self.private}"


def policy_rules(policies: Mapping[int, FirewallPolicy], addresses: Mapping[int, Addresses]) -> str:
    """Exactly these policies, for the droplets that exist. A droplet without one is open."""
    lines = [
        "*mangle",
        *_empty(TO_DROPLET, FROM_DROPLET),
        f"-A {TO_DROPLET} {_ESTABLISHED} -j ACCEPT",
        # Packets to an unassigned reserved address are dropped without an answer.
        f"-A {TO_DROPLET} -d {layout.RESERVED_RANGE} -j DROP",
        f"-A {FROM_DROPLET} {_ESTABLISHED} -j ACCEPT",
        # Where this machine's own cloud, if it stands in one, answers with what only this machine may know.
        f"-A {FROM_DROPLET} -d {_LINK_LOCAL} -j DROP",
        # On this machine a droplet can reach the registry, as a site on the internet, and the sites that it
        # serves at other simulated addresses. Nothing else: not even what listens on every address.
        f"-A {FROM_DROPLET} {_LOCAL} ! -d {layout.PUBLIC_NETWORK} -j DROP",
        f"-A {FROM_DROPLET} {_LOCAL} ! -d {layout.SPACES_ADDRESS} ! -p tcp -j DROP",
        f"-A {FROM_DROPLET} {_LOCAL} ! -d {layout.SPACES_ADDRESS} -p tcp -m multiport ! --dports 80,443 -j DROP",
        f"-A {FROM_DROPLET} -d {layout.GATEWAY} -p tcp ! --dport 443 -j DROP",
        # At the address of Spaces, also its name server.
        f"-A {FROM_DROPLET} -d {layout.SPACES_ADDRESS} -p udp ! --dport 53 -j DROP",
        f"-A {FROM_DROPLET} -d {layout.SPACES_ADDRESS} -p tcp -m multiport ! --dports 53,443 -j DROP",
    ]
    for droplet_id, policy in sorted(policies.items()):
        if droplet_id in addresses:
            own = addresses[droplet_id]
            lines += (f"-A {TO_DROPLET} -d {own} {match} -j ACCEPT" for match in _matches(policy.inbound, "-s"))
            lines.append(f"-A {TO_DROPLET} -d {own} -j DROP")
            lines += (f"-A {FROM_DROPLET} -s {own} {match} -j ACCEPT" for match in _matches(policy.outbound, "-d"))
            lines.append(f"-A {FROM_DROPLET} -s {own} -j DROP")
    return _text(lines)


def translation_rules(reserved: Mapping[IPv4Address, IPv4Address]) -> str:
    """Translate each reserved address to a droplet's public one. The client's source address stays.

    Left out: a droplet does not reach itself by its own reserved address. Its packet would have to leave the bridge by
    the port that it came in by, which the engine allows only when it runs without its proxy.
    """
    rules = (f"-A {RESERVED} -d {address} -j DNAT --to-destination {public}" for address, public in reserved.items())
    return _text(["*nat", *_empty(RESERVED), *rules])


def standing_rules() -> str:
    return _text(
        [
            "*filter",
            *_empty(FORWARD, INPUT),
            f"-A {FORWARD} -o {_PUBLIC} -j ACCEPT",
            f"-A {FORWARD} -i {_PUBLIC} {_ESTABLISHED} -j ACCEPT",
            *(f"-A {INPUT} {match} -j ACCEPT" for match in (_REGISTRY, _SPACES, *_NAMES)),
        ]
    )


def apply(rules: str) -> None:
    """Apply the rules in one step, so that no packet meets incomplete rules."""
    run(["iptables-restore", "-w", "--noflush"], stdin=rules)


def exists(table: str, chain: str) -> bool:
    return succeeds(["iptables", "-w", "-t", table, "-n", "-L", chain])


def ensure_hooks() -> None:
    """Add missing hooks. Every chain must exist."""
    if not exists("filter", "DOCKER-USER"):
        raise HypervisorError("Docker has made no chain DOCKER-USER: it must run with its iptables option on.")
    for hook in HOOKS:
        if not succeeds(hook.command("-C")):
            run(hook.command("-I"))


def remove_all() -> None:
    for hook in HOOKS:
        while exists(hook.table, hook.target) and succeeds(hook.command("-D")):
            continue
    for table, chain in sorted({(hook.table, hook.target) for hook in HOOKS}):
        if exists(table, chain):
            run(["iptables", "-w", "-t", table, "-F", chain])
            run(["iptables", "-w", "-t", table, "-X", chain])


def _matches(rules: tuple[FirewallRule, ...], side: str) -> Iterator[str]:
    for rule in rules:
        if rule.protocol not in ("tcp", "udp", "icmp"):
            raise HypervisorError(f"A firewall rule's protocol is tcp, udp or icmp, not {rule.protocol!r}.")
        match = f"-p {rule.protocol}"
        if rule.ports is not None and rule.protocol != "icmp":
            match += f" --dport {rule.ports[0]}:{rule.ports[1]}"
        for address in rule.addresses:
            network = IPv4Network(address, strict=False)
            yield match if network.prefixlen == 0 else f"{match} {side} {network}"


def _empty(*chains: str) -> list[str]:
    return [f":{chain} - [0:0]" for chain in chains]


def _text(lines: list[str]) -> str:
    return "\n".join([*lines, "COMMIT", ""])
