"""Packets that are sent elsewhere, tables of nftables, and programs that wait for connections."""

from collections.abc import Callable

import pytest

from auren_infra.drift import compare
from auren_infra.host.expected import Expected
from tests.unit.drift.case import Case
from tests.unit.drift.machine import KEY, NOW, Machine

POSTGRES = "-p tcp -m tcp --dport 5433 -j DNAT --to-destination 172.18.0.12:5432"
TO_OURSELVES = "-p tcp -m tcp --dport 81 -j REDIRECT --to-ports 80"


def _add(answer: str, text: str) -> Callable[[Machine], None]:
    def add(machine: Machine) -> None:
        machine.texts[answer] += f"{text}\n"

    return add


def _listening(
    program: str, where: str = "0.0.0.0:9999", protocol: str = "tcp", unit: str = "-"
) -> Callable[[Machine], None]:
    return _add("listeners", f"{protocol} {where} 4711 {unit} {program}")


REDIRECTS = {
    f"iptables -t nat -A PREROUTING {POSTGRES}": "nat",
    f"iptables -t nat -A DOCKER {POSTGRES}": "nat",
    "iptables -t nat -A DOCKER -p tcp -m tcp --dport 5432 -j DNAT --to-destination 172.18.0.10:80": "nat",
    f"iptables -t nat -A PREROUTING {TO_OURSELVES}": "nat",
    f"iptables -t nat -A OWN {TO_OURSELVES}": "nat",
    f"iptables -t nat -A OUTPUT -d 192.0.2.1/32 {TO_OURSELVES}": "nat",
    "ip6tables -t nat -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination [2001:db8::1]:80": "nat",
    "ip6tables -t nat -A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.18.0.10:80": "nat",
    "iptables -t mangle -A PREROUTING -p tcp -j TPROXY --on-port 81 --on-ip 0.0.0.0": "mangle",
}


@pytest.mark.parametrize("rule", REDIRECTS)
def test_packets_that_are_sent_elsewhere_are_told(deployed: Expected, machine: Machine, rule: str) -> None:
    machine.texts["redirects"] += f"{rule}\n"
    (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
    assert found.where == REDIRECTS[rule]
    assert found.what == f"sends packets elsewhere, which was not deployed, `{rule.partition(' -A ')[2]}`"
    assert found.by_hand == rule.replace(" -A ", " -D ")


CASES = {
    "a table": Case(
        _add("tables", "table inet hand"),
        "hand",
        "is a table of nftables that was not deployed (inet)",
        "nft delete table inet hand",
    ),
    "a table for frames": Case(
        _add("tables", "table bridge filter"),
        "filter",
        "is a table of nftables that was not deployed (bridge)",
        "nft delete table bridge filter",
    ),
    "a program that somebody has started": Case(
        _listening("nc"), "nc", "waits for connections on port 9999 (tcp), which was not deployed", "kill 4711"
    ),
    "a program in a session": Case(
        _listening("python3", "*:9999", unit="/user.slice/user-0.slice/session-3.scope"),
        "python3",
        "waits for connections on port 9999 (tcp)",
        "kill 4711",
    ),
    "a program for IPv6 alone": Case(_listening("nc", "[::]:9999"), "nc", "waits for connections", "kill 4711"),
    "a program at one address": Case(
        _listening("a b", "[2001:db8::1]:9999"), "a b", "waits for connections", "kill 4711"
    ),
    "a program that waits for packets": Case(
        _listening("openvpn", "0.0.0.0%eth0:1194", "udp"),
        "openvpn",
        "waits for connections on port 1194 (udp)",
        "kill 4711",
    ),
    "a unit": Case(
        _listening("nginx", unit="/system.slice/nginx.service"),
        "nginx",
        "waits for connections on port 9999 (tcp)",
        "systemctl disable --now nginx.service || systemctl stop nginx.service",
    ),
    "a socket of systemd's": Case(
        _listening("systemd", unit="hand.socket"),
        "systemd",
        "waits for connections on port 9999 (tcp)",
        "systemctl disable --now hand.socket || systemctl stop hand.socket",
    ),
    "Docker's API": Case(
        _listening("dockerd", "*:2375", unit="/system.slice/docker.service"),
        "dockerd",
        "waits for connections on port 2375 (tcp)",
        (
            "grep -rlsZ tcp:// /etc/systemd/system/docker.service /etc/systemd/system/docker.service.d "
            "| xargs -0 -r rm; systemctl daemon-reload && systemctl restart docker"
        ),
    ),
    "a second sshd": Case(
        _listening("sshd", "0.0.0.0:2222", unit="/system.slice/hand.service"),
        "sshd",
        "waits for connections on port 2222 (tcp)",
        "systemctl disable --now hand.service || systemctl stop hand.service",
    ),
    "sshd with settings that are in no file any more": Case(
        _listening("sshd", "0.0.0.0:2222", unit="/system.slice/ssh.service"),
        "sshd",
        "waits for connections on port 2222 (tcp)",
        "systemctl restart ssh.service",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_change_is_one_line_with_its_mend(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


def test_a_program_is_told_once_for_both_protocols(deployed: Expected, machine: Machine) -> None:
    machine.texts["listeners"] += "tcp 0.0.0.0:99 7 - nc\ntcp [::]:99 7 - nc\nudp 0.0.0.0:99 7 - nc\n"
    found = [finding.what.partition(",")[0] for finding in compare.findings(deployed, machine.facts, KEY, NOW)]
    assert found == ["waits for connections on port 99 (tcp)", "waits for connections on port 99 (udp)"]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("listeners", "udp 127.0.0.53%lo:53 70 /system.slice/systemd-resolved.service systemd-resolve"),
        ("listeners", "tcp 127.0.0.54:53 70 /system.slice/systemd-resolved.service systemd-resolve"),
        ("listeners", "udp 0.0.0.0:5355 70 /system.slice/systemd-resolved.service systemd-resolve"),
        ("listeners", "tcp [::]:5355 70 /system.slice/systemd-resolved.service systemd-resolve"),
        ("listeners", "udp [fe80::1]%eth0:546 71 /system.slice/systemd-networkd.service systemd-network"),
        ("listeners", "udp 10.0.0.5%eth0:68 71 /system.slice/systemd-networkd.service systemd-network"),
        ("listeners", "udp 0.0.0.0:68 72 - dhclient"),
        ("listeners", "udp [::1]:323 73 /system.slice/chrony.service chronyd"),
        ("listeners", "tcp [::ffff:127.0.0.1]:25 74 - master"),
        ("listeners", "tcp *:22 1 ssh.socket systemd"),
        ("listeners", "tcp 0.0.0.0:80 75 - docker-proxy"),
        ("listeners", "tcp *:9999 76 /system.slice/docker-4711.scope sleep"),
        ("tables", "table ip mangle"),
        ("tables", "table ip6 raw"),
        ("tables", "table ip docker-bridges"),
        ("tables", "table ip io.systemd.nat"),
    ],
)
def test_what_the_systems_have_themselves_is_no_difference(
    deployed: Expected, machine: Machine, answer: str, line: str
) -> None:
    machine.texts[answer] += f"{line}\n"
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_a_container_that_was_not_deployed_is_told_once_with_its_port(deployed: Expected, machine: Machine) -> None:
    """Whoever removes it removes its port."""
    added = {
        **machine.containers["auren-redis"],
        "name": "/by-hand",
        "networks": {"bridge": {"IPAddress": "172.17.0.2"}},
    }
    machine.containers["by-hand"] = added
    dnat = "-p tcp -m tcp --dport 6380 -j DNAT --to-destination 172.17.0.2:6379"
    machine.texts["redirects"] += f"iptables -t nat -A DOCKER ! -i docker0 {dnat}\n"
    machine.texts["listeners"] += "tcp 0.0.0.0:6380 988 /system.slice/docker.service dockerd\n"
    assert [found.where for found in compare.findings(deployed, machine.facts, KEY, NOW)] == ["by-hand"]


def test_a_machine_without_nftables_own_tool_is_looked_at(deployed: Expected, machine: Machine) -> None:
    machine.silent.add("tables")
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []
