"""A rule that was flushed, deleted or added, and walls that are passed by."""

from pathlib import Path

import pytest

from auren_infra.drift import compare
from auren_infra.drift.ufw import mark
from auren_infra.host.expected import Expected
from tests.unit.drift.case import Case
from tests.unit.drift.machine import KEY, NOW, Machine
from tests.unit.host.bench import Bench

LINK = "-A DOCKER-USER -i auren0 -o auren0 -s 172.18.0.10 -d 172.18.0.11 -p tcp --dport 8080"
SSH = "allow 22/tcp"
SSH_MARK = "auren-8ca875769f15"


def _open_rule(machine: Machine) -> None:
    rule = "-A DOCKER-USER -i auren0 -o auren0 -j DROP\n"
    machine.replaced("rules", rule, f"-A DOCKER-USER -s 172.18.0.17/32 -i auren0 -j ACCEPT\n{rule}")


def _flush(machine: Machine, chain: str, answer: str = "rules") -> None:
    lines = machine.texts[answer].splitlines(keepends=True)
    machine.texts[answer] = "".join(line for line in lines if not line.startswith(f"-A {chain} "))


def _append(machine: Machine, rule: str, answer: str = "rules") -> None:
    machine.texts[answer] += f"{rule}\n"


def _without_ipv6(machine: Machine) -> None:
    machine.texts["rules6"] = "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n"
    machine.texts["ufw-rules6"] = ""


def _before_the_chain(machine: Machine, rules: str) -> None:
    machine.replaced("rules", "-A FORWARD -j DOCKER-USER\n", f"{rules}-A FORWARD -j DOCKER-USER\n")


def _reorder(machine: Machine) -> None:
    last = "-A DOCKER-USER -j RETURN\n"
    first = "-A DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    machine.replaced("rules", last, "")
    machine.replaced("rules", first, last + first)


CASES = {
    "a flushed chain": Case(
        lambda m: _flush(m, "DOCKER-USER"),
        "DOCKER-USER",
        "holds no rule: the container firewall was flushed",
    ),
    "a deleted rule": Case(
        lambda m: m.replaced("rules", f'{LINK} -m comment --comment "nginx to api" -j ACCEPT\n', ""),
        "DOCKER-USER",
        f"lacks the rule `{LINK}",
    ),
    "an added rule": Case(
        _open_rule,
        "DOCKER-USER",
        "holds a rule that was not deployed, `-A DOCKER-USER -s 172.18.0.17/32 -i auren0 -j ACCEPT`",
    ),
    "rules in another order": Case(
        _reorder,
        "DOCKER-USER",
        "holds its rules in another order",
    ),
    "a chain that nobody asks": Case(
        lambda m: m.replaced("rules", "-A FORWARD -j DOCKER-USER\n", ""),
        "FORWARD",
        "does not ask DOCKER-USER: the container firewall is bypassed",
        "systemctl restart docker",
    ),
    "a way past the chain": Case(
        lambda m: _before_the_chain(m, "-A FORWARD -i auren0 -j ACCEPT\n"),
        "FORWARD",
        "lets packets through before it asks DOCKER-USER, `-A FORWARD -i auren0 -j ACCEPT`",
    ),
    "a chain before the chain": Case(
        lambda m: _before_the_chain(m, "-A FORWARD -j OWN\n-A OWN -j DEEPER\n-A DEEPER -s 10.0.0.0/8 -j ACCEPT\n"),
        "FORWARD",
        "lets packets through before it asks DOCKER-USER, `-A FORWARD -j OWN`",
    ),
    "filtering switched off": Case(
        lambda m: m.texts.update({"bridge-filtering": "0\n1\n"}),
        "net.bridge.bridge-nf-call-iptables",
        "is off",
        "sysctl -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1",
    ),
    "UFW switched off": Case(
        lambda m: m.texts.update({"ufw-status": "Status: inactive\n"}),
        "UFW",
        "is not active",
    ),
    "UFW letting in what it has no rule for": Case(
        lambda m: m.replaced("ufw-status", "deny (incoming)", "allow (incoming)"),
        "UFW",
        "does not deny by default",
    ),
    "a rule of UFW deleted": Case(
        lambda m: m.replaced("ufw-added", f"ufw {SSH} comment '{SSH_MARK}'\n", ""),
        "UFW",
        f"lacks the rule `{SSH}`",
    ),
    "a rule of UFW added": Case(
        lambda m: m.texts.update({"ufw-added": m.texts["ufw-added"] + "ufw allow 9999 comment 'mine'\n"}),
        "UFW",
        "holds a rule that was not deployed, `allow 9999 comment 'mine'`",
        "ufw delete allow 9999",
    ),
    "UFW's chain flushed": Case(
        lambda m: _flush(m, "ufw-user-input"),
        "UFW",
        "is active, but its rules are not what the kernel holds",
    ),
    "a policy of accepting": Case(
        lambda m: m.replaced("rules", "-P INPUT DROP", "-P INPUT ACCEPT"),
        "UFW",
        "is active, but its rules are not what the kernel holds",
    ),
    "everything that comes in flushed": Case(
        lambda m: _flush(m, "INPUT"),
        "INPUT",
        "does not ask UFW",
        (
            "iptables -F INPUT; for part in before-logging before after after-logging reject track; "
            "do iptables -A INPUT -j ufw-$part-input; done"
        ),
    ),
    "everything that comes in over IPv6 flushed": Case(
        lambda m: _flush(m, "INPUT", "rules6"),
        "INPUT (IPv6)",
        "does not ask UFW",
        (
            "ip6tables -F INPUT; for part in before-logging before after after-logging reject track; "
            "do ip6tables -A INPUT -j ufw6-$part-input; done"
        ),
    ),
    "UFW's rules for IPv6 flushed": Case(
        lambda m: _flush(m, "ufw6-user-input", "rules6"),
        "UFW (IPv6)",
        "is active, but its rules are not what the kernel holds",
    ),
    "a rule for IPv6 that UFW was not told": Case(
        lambda m: _append(m, "-A ufw6-user-input -s 2001:db8::/32 -j ACCEPT", "rules6"),
        "UFW (IPv6)",
        "is active, but its rules are not what the kernel holds",
    ),
    "a policy of accepting over IPv6": Case(
        lambda m: m.replaced("rules6", "-P INPUT DROP", "-P INPUT ACCEPT"),
        "UFW (IPv6)",
        "is active, but its rules are not what the kernel holds",
    ),
    "a policy of letting through": Case(
        lambda m: m.replaced("rules", "-P FORWARD DROP", "-P FORWARD ACCEPT"),
        "UFW",
        "is active, but its rules are not what the kernel holds",
    ),
    "a rule of passing through that UFW was not told": Case(
        lambda m: _append(m, "-A ufw-user-forward -s 10.0.0.0/8 -j ACCEPT"),
        "UFW",
        "is active, but its rules are not what the kernel holds",
    ),
    "a rule before UFW over IPv6": Case(
        lambda m: _append(m, "-A INPUT -s 2001:db8::/32 -j ACCEPT", "rules6"),
        "INPUT (IPv6)",
        "holds a rule past UFW, `-A INPUT -s 2001:db8::/32 -j ACCEPT`",
        "ip6tables -D INPUT -s 2001:db8::/32 -j ACCEPT",
    ),
    "a chain before UFW": Case(
        lambda m: _append(m, "-A INPUT -j OWN\n-A OWN -p tcp -m tcp --dport 23 -j ACCEPT"),
        "INPUT",
        "holds a rule past UFW, `-A INPUT -j OWN`",
        "iptables -D INPUT -j OWN",
    ),
    "a way past UFW through a chain of its own": Case(
        lambda m: _append(m, "-A INPUT -s 10.0.0.0/8 -j ufw-user-limit-accept"),
        "INPUT",
        "holds a rule past UFW, `-A INPUT -s 10.0.0.0/8 -j ufw-user-limit-accept`",
        "iptables -D INPUT -s 10.0.0.0/8 -j ufw-user-limit-accept",
    ),
    "a way through the machine": Case(
        lambda m: _append(m, "-A FORWARD -i eth1 -j ACCEPT"),
        "FORWARD",
        "lets through what was not deployed, `-A FORWARD -i eth1 -j ACCEPT`",
        "iptables -D FORWARD -i eth1 -j ACCEPT",
    ),
    "a way through the machine over IPv6": Case(
        lambda m: m.replaced("rules6", "-A FORWARD -j DOCKER-USER", "-A FORWARD -j ACCEPT\n-A FORWARD -j DOCKER-USER"),
        "FORWARD (IPv6)",
        "lets through what was not deployed, `-A FORWARD -j ACCEPT`",
        "ip6tables -D FORWARD -j ACCEPT",
    ),
    "a way to containers over IPv6": Case(
        lambda m: _append(m, "-A DOCKER-USER -j ACCEPT", "rules6"),
        "DOCKER-USER (IPv6)",
        "lets through what was not deployed, `-A DOCKER-USER -j ACCEPT`",
        "ip6tables -D DOCKER-USER -j ACCEPT",
    ),
    "a rule among UFW's own": Case(
        lambda m: _append(m, "-A ufw-before-input -s 10.0.0.0/8 -j ACCEPT"),
        "ufw-before-input",
        "lets in what UFW does not by itself, `-A ufw-before-input -s 10.0.0.0/8 -j ACCEPT`",
        (
            "cp /usr/share/ufw/iptables/before.rules /etc/ufw/before.rules && "
            "iptables -D ufw-before-input -s 10.0.0.0/8 -j ACCEPT"
        ),
    ),
    "a rule among UFW's own for IPv6": Case(
        lambda m: _append(m, "-A ufw6-after-forward -j ACCEPT", "rules6"),
        "ufw6-after-forward (IPv6)",
        "lets in what UFW does not by itself, `-A ufw6-after-forward -j ACCEPT`",
        ("cp /usr/share/ufw/iptables/after6.rules /etc/ufw/after6.rules && ip6tables -D ufw6-after-forward -j ACCEPT"),
    ),
    "a rule before UFW": Case(
        lambda m: m.replaced(
            "rules", "-A INPUT -j ufw-before-l", "-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -j ufw-before-l"
        ),
        "INPUT",
        "holds a rule past UFW, `-A INPUT -s 10.0.0.0/8 -j ACCEPT`",
        "iptables -D INPUT -s 10.0.0.0/8 -j ACCEPT",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_change_is_one_line_with_its_mend(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


RESTARTED = """-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A DOCKER-ISOLATION-STAGE-1 -i auren0 ! -o auren0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o auren0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
"""
"""What Docker 26.1 has put before DOCKER-USER after `systemctl restart docker`."""


@pytest.mark.parametrize(
    "harmless",
    [
        RESTARTED,
        "-A FORWARD -o auren0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
        "-A FORWARD -j LOG --log-prefix seen\n-A FORWARD\n-A FORWARD -s 192.0.2.0/24 -j REJECT\n",
        "-A FORWARD -j ONE\n-A ONE -j TWO\n-A TWO -j ONE\n",
    ],
    ids=["a restart of Docker", "answers", "no way through", "chains in a circle"],
)
def test_what_lets_nothing_through_may_stand_before_the_container_firewall(
    deployed: Expected, machine: Machine, harmless: str
) -> None:
    _before_the_chain(machine, harmless)
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_what_was_added_beside_is_told_also_while_ufw_is_off(deployed: Expected, machine: Machine) -> None:
    """It would be there when UFW is on again."""
    machine.texts["ufw-status"] = "Status: inactive\n"
    machine.texts["ufw-added"] += "ufw allow 9999 comment 'mine'\n"
    lines = machine.texts["rules"].splitlines(keepends=True)
    machine.texts["rules"] = "-A INPUT -s 10.0.0.0/8 -j ACCEPT\n" + "".join(one for one in lines if "ufw-" not in one)
    assert [(found.where, found.by_hand) for found in compare.findings(deployed, machine.facts, KEY, NOW)] == [
        ("UFW", ""),
        ("UFW", "ufw delete allow 9999"),
        ("INPUT", "iptables -D INPUT -s 10.0.0.0/8 -j ACCEPT"),
    ]


def test_ufw_without_ipv6_is_told(deployed: Expected, machine: Machine) -> None:
    """`IPV6=no`: UFW has no chains for it then."""
    _without_ipv6(machine)
    found = [(each.where, each.by_hand) for each in compare.findings(deployed, machine.facts, KEY, NOW)]
    switched_on = "sed --in-place 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw && ufw disable && ufw --force enable"
    assert ("INPUT (IPv6)", switched_on) in found


@pytest.mark.parametrize(
    "rules",
    [
        "-A FORWARD -o auren0 -j DOCKER\n-A FORWARD -i auren0 ! -o auren0 -j ACCEPT\n",
        "-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT\n",
        "-A INPUT -j f2b-sshd\n-A f2b-sshd -s 192.0.2.1/32 -j REJECT\n-A f2b-sshd -j RETURN\n",
    ],
    ids=["networks of Docker 26", "another network", "a guard that only refuses"],
)
def test_what_lets_nobody_in_beside_ufw_is_no_difference(deployed: Expected, machine: Machine, rules: str) -> None:
    machine.texts["rules"] += rules
    assert compare.findings(deployed, machine.facts, KEY, NOW) == []


def test_a_flush_of_everything_is_told_at_once(deployed: Expected, machine: Machine) -> None:
    """`iptables -F`: whoever has repaired what is told finds nothing more."""
    lines = machine.texts["rules"].splitlines(keepends=True)
    machine.texts["rules"] = "".join(line for line in lines if not line.startswith("-A "))
    found = [(each.where, each.by_hand) for each in compare.findings(deployed, machine.facts, KEY, NOW)]
    assert [where for where, _ in found] == ["DOCKER-USER", "FORWARD", "INPUT", "UFW"]
    assert ("FORWARD", "systemctl restart docker") in found


def test_our_rules_of_ufw_are_known_as_their_script_marks_them(tmp_path: Path, deployed: Expected) -> None:
    bench = Bench(tmp_path / "machine")
    bench.stub("ufw")
    (rules,) = [command.order.rules for command in deployed.machine_firewalls]
    assert bench.run("machine_firewall", data=rules).returncode == 0
    added = [call.rpartition(" comment ")[2] for call in bench.calls("ufw") if " comment " in call]
    assert added == [mark(line) for line in rules.splitlines()]
