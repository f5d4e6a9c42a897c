"""What tools on the machine print, and what is read from it."""

from pathlib import Path

import pytest

from auren_infra.drift.rules import rule

RECORDED = Path(__file__).parent / "recorded"


def _rules(name: str, chain: str) -> list[str]:
    lines = (RECORDED / name).read_text().splitlines()
    return [line for line in lines if line.startswith(f"-A {chain} ")]


@pytest.mark.parametrize(
    ("given", "chain"), [("containers.rules", "DOCKER-USER"), ("user.rules", "ufw-user-input")], ids=["ours", "UFW's"]
)
def test_a_rule_means_the_same_as_it_was_given_and_as_iptables_prints_it(given: str, chain: str) -> None:
    """Recorded with iptables 1.8.9 and UFW 0.36.2: both files were loaded, and listed again."""
    written, printed = _rules(given, chain), _rules("iptables", chain)
    assert written
    assert written != printed
    assert [rule(line) for line in written] == [rule(line) for line in printed]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-A X -s 10.0.0.1 -j DROP", "-A X -s 10.0.0.2 -j DROP"),
        ("-A X -s 10.0.0.0/8 -j DROP", "-A X -d 10.0.0.0/8 -j DROP"),
        ("-A X -i auren0 -j DROP", "-A X ! -i auren0 -j DROP"),
        ("-A X -p tcp --dport 22 -j ACCEPT", "-A X -p tcp --sport 22 -j ACCEPT"),
        ("-A X -p tcp -m tcp --dport 22 -j ACCEPT", "-A X -p udp -m udp --dport 22 -j ACCEPT"),
        ("-A X -j RETURN", "-A X -j ACCEPT"),
        ("-A X -m conntrack --ctstate NEW -j DROP", "-A X -m conntrack --ctstate NEW,INVALID -j DROP"),
    ],
)
def test_rules_that_do_another_thing_are_not_the_same(one: str, other: str) -> None:
    assert rule(one) != rule(other)
