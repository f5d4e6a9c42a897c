"""Ports of the machine: packets that are sent elsewhere, and programs that wait for connections.

Left out are sockets of the kernel itself, such as WireGuard's: nothing reaches them without a rule of the firewall,
and that rule is told.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import cast

from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.drift.rules import Rule, rule, target
from auren_infra.host.expected import Deployed, Expected

_REDIRECTING = {"DNAT", "REDIRECT", "NETMAP", "TPROXY"}
_TABLES = {"filter", "nat", "mangle", "raw", "security"}
"""Of iptables."""
_CLIENTS = {
    "chronyd",
    "dhclient",
    "dhcpcd",
    "ntpd",
    "systemd-network",
    "systemd-resolve",
    "systemd-timesyn",
}
"""The systems' own programs for addresses, names and the time, as the kernel names them: they wait for answers."""
_NO_TCP_API = (
    "grep -rlsZ tcp:// /etc/systemd/system/docker.service /etc/systemd/system/docker.service.d | xargs -0 -r rm; "
    "systemctl daemon-reload && systemctl restart docker"
)


def findings(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    yield from _redirects(wanted, facts)
    for line in facts.lines("tables"):
        family, name = line.split()[1:3]
        systems = family in ("ip", "ip6") and name in _TABLES
        if not systems and not name.startswith(("docker-", "io.systemd.")):
            what = f"is a table of nftables that was not deployed ({family})"
            yield Finding(name, what, by_hand=f"nft delete table {family} {name}")
    yield from _listeners(facts)


def _redirects(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    published, ours = _published(wanted.containers), {one.name for one in wanted.containers}
    others = {
        endpoint.address
        for name, container in (facts.containers or {}).items()
        if name not in ours  # it is told itself, and takes its rules with it
        for endpoint in container.networks.values()
    }
    for line in facts.lines("redirects"):
        said = rule(f"-A {line.partition(' -A ')[2]}")
        if target(said) not in _REDIRECTING or _to_itself(said):
            continue
        destination, port = _value(said, "--to-destination"), _value(said, "--dport")
        dockers = line.startswith("iptables -t nat -A DOCKER ")
        if dockers and ((destination, port) in published or destination.rpartition(":")[0] in others):
            continue
        what = f"sends packets elsewhere, which was not deployed, `{line.partition(' -A ')[2]}`"
        yield Finding(line.split()[2], what, by_hand=line.replace(" -A ", " -D ", 1))


def _published(services: Sequence[Deployed]) -> set[tuple[str, str]]:
    """Where a published port leads to, and its number."""
    found: set[tuple[str, str]] = set()
    for one in services:
        for network in one.specification["networks"].values():
            for published in cast("list[str]", one.specification.get("ports", [])):
                _, port, inside = published.rsplit(":", 2)
                found.add((f"{network['ipv4_address']}:{inside}", port))
    return found


def _to_itself(said: Rule) -> bool:
    """Whether a rule is about what the machine sends to itself."""
    address = _value(said, "-d")
    return bool(address) and ip_network(address).is_loopback


def _value(said: Rule, option: str) -> str:
    return next((found[1] for found in said if found[0] == option), "")


def _listeners(facts: Facts) -> Iterator[Finding]:
    dockers = {
        _value(rule(f"-A {line.partition(' -A ')[2]}"), "--dport")
        for line in facts.lines("redirects")
        if " -t nat -A DOCKER " in line
    }
    moved = [line for line in facts.lines("sshd") if line.startswith("port ") and line != "port 22"]
    told: set[tuple[str, str, str]] = set()
    for line in facts.lines("listeners"):
        protocol, where, pid, unit, program = line.split(" ", 4)
        address, _, port = where.rpartition(":")
        if _is_loopback(address) or (protocol, port, pid) in told:
            continue
        told.add((protocol, port, pid))
        match protocol, port, program:
            case "tcp", "22", "sshd" | "systemd":
                continue
            case _, _, "sshd" if moved and unit.endswith(("/ssh.service", "/sshd.service")):
                continue  # its settings are told
            case _, _, "docker-proxy":
                continue
            case _, _, "dockerd" if port in dockers:
                continue
            case "udp", _, _ if program in _CLIENTS:
                continue
            case "tcp", "5355", "systemd-resolve":
                continue
            case _ if unit.rpartition("/")[2].startswith("docker-"):
                continue  # in a container, which is told itself
            case _:
                pass
        what = f"waits for connections on port {port} ({protocol}), which was not deployed"
        yield Finding(program, what, by_hand=_ended(program, unit, pid))


def _is_loopback(address: str) -> bool:
    plain = address.partition("%")[0].strip("[]")
    return plain != "*" and ip_address(plain.removeprefix("::ffff:")).is_loopback


def _ended(program: str, unit: str, pid: str) -> str:
    """What ends it. A unit is named when the program is its main one."""
    name = unit.rpartition("/")[2]
    if program == "dockerd":
        return _NO_TCP_API
    if name in ("ssh.service", "sshd.service"):
        return f"systemctl restart {name}"
    if name.endswith((".service", ".socket")):
        return f"systemctl disable --now {name} || systemctl stop {name}"
    return "systemctl list-sockets" if pid == "1" else f"kill {pid}"
