"""The machine's own walls: exactly this text, and what follows from links, services and settings."""

from collections.abc import Callable

import pytest

from auren_infra.blueprint import describe
from auren_infra.files.firewall import container_rules, machine_rules
from auren_infra.placement import instances
from auren_infra.services.inbound import inbound
from auren_infra.services.links import LINKS
from auren_infra.services.model import Link
from tests.unit.configuration import blueprint, planned, settings

SERVICES = {service.name: service for service in blueprint().services}
WITHIN, OUT, IN = "-i auren0 -o auren0 ", "-i auren0 ", "-o auren0 "


def _rules(**changes: str) -> list[str]:
    """What is appended to the chain, in its order."""
    chosen = settings(**changes)
    lines = container_rules(planned(describe(chosen))).splitlines()
    return [line.removeprefix("-A DOCKER-USER ") for line in lines if line.startswith("-A ")]


def _within(rules: list[str]) -> list[str]:
    """Between containers."""
    return [rule for rule in rules if rule.startswith(WITHIN)]


def _outgoing(rules: list[str]) -> list[str]:
    return [rule for rule in rules if rule.startswith(OUT) and not rule.startswith(WITHIN)]


def _incoming(rules: list[str]) -> list[str]:
    return [rule for rule in rules if rule.startswith(IN)]


def test_the_file_is_the_expected_one(expect: Callable[[str, str], None]) -> None:
    expect("containers.rules", container_rules(planned(blueprint())))


def test_the_chain_is_replaced_as_a_whole() -> None:
    """Declared, so that what it held before goes in the same step."""
    lines = container_rules(planned(blueprint())).splitlines()
    told = [line for line in lines if line and not line.startswith(("#", "-A DOCKER-USER "))]
    assert told == ["*filter", ":DOCKER-USER - [0:0]", "COMMIT"]
    assert lines[-1] == "COMMIT", "iptables-restore does nothing of what stands behind it"


def test_every_rule_is_of_one_section_and_sections_do_not_mix() -> None:
    rules = _rules()
    assert rules == [
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        *_within(rules),
        *_outgoing(rules),
        *_incoming(rules),
        "-j RETURN",
    ]


def _allowed(link: Link) -> list[str]:
    """A rule for each container of the one and of the other service."""
    return [
        f"{WITHIN}-s {source.address} -d {target.address} -p tcp --dport {link.port} "
        f'-m comment --comment "{source.name} to {target.name}" -j ACCEPT'
        for source in instances(SERVICES[link.source])
        for target in instances(SERVICES[link.target])
    ]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: f"{link.source} to {link.target}")
def test_every_link_may_be_used_by_the_one_that_it_is_for(link: Link) -> None:
    for allowed in _allowed(link):
        assert _rules().count(allowed) == 1


def test_nothing_else_passes_between_containers() -> None:
    within = _within(_rules())
    assert within[-1] == f"{WITHIN}-j DROP"
    assert len(within) == sum(len(_allowed(link)) for link in LINKS) + 1


def test_the_drop_is_the_last_of_each_section() -> None:
    """And the only one that names nobody: what stands behind it would never count."""
    rules = _rules()
    for section, everything in ((_within, WITHIN), (_outgoing, OUT), (_incoming, IN)):
        assert section(rules).index(f"{everything}-j DROP") == len(section(rules)) - 1


def test_containers_are_told_apart_by_addresses_that_are_their_own() -> None:
    addresses = [instance.address for service in SERVICES.values() for instance in instances(service)]
    assert len(set(addresses)) == len(addresses)


def test_nobody_asks_the_metadata_address_for_the_droplets_secrets() -> None:
    """Not even those that may ask everybody else."""
    assert _outgoing(_rules())[0] == f"{OUT}-d 169.254.0.0/16 -j DROP"


def test_the_internet_is_for_those_that_need_it() -> None:
    allowed = [rule for rule in _outgoing(_rules()) if rule.endswith("-j RETURN")]
    needing = [service for service in SERVICES.values() if service.internet]
    assert [service.name for service in needing] == ["api", "bridge"]
    assert allowed == [
        f'{OUT}-s {instance.address} -m comment --comment "{instance.name} to the internet" -j RETURN'
        for service in needing
        for instance in instances(service)
    ]


def test_published_ports_are_reached_from_where_the_clouds_firewall_lets_in() -> None:
    allowed = {rule for rule in _incoming(_rules()) if rule.endswith("-j RETURN")}
    sources = inbound(settings())
    assert allowed == {
        f"{IN}-s {source} -p tcp -m conntrack --ctorigdstport {port} -j RETURN"
        for service in SERVICES.values()
        for port in service.published
        for source in sources[port]
        if ":" not in source
    }
    assert {rule.split("--ctorigdstport ")[1].split()[0] for rule in allowed} == {"80", "443", "8081"}


def test_a_source_with_an_ipv6_address_is_no_rule_of_iptables() -> None:
    """It would refuse the whole file."""
    rules = _rules(kafkaUiAllowed='["10.200.0.0/20", "2001:db8::/32"]')
    assert rules == _rules()
    assert not any("::" in rule for rule in rules)


def test_a_port_that_is_for_nobody_has_no_rule() -> None:
    rules = _rules(kafkaUiAllowed="[]")
    assert not any("8081" in rule for rule in rules)
    assert len(rules) == len(_rules()) - 1


def test_one_more_source_is_one_more_line() -> None:
    before, after = _rules(), _rules(kafkaUiAllowed='["10.200.0.0/20", "198.51.100.7/32"]')
    (added,) = set(after) - set(before)
    assert added == f"{IN}-s 198.51.100.7/32 -p tcp -m conntrack --ctorigdstport 8081 -j RETURN"
    assert set(before) <= set(after)


def test_the_machine_itself_answers_on_the_port_of_ssh_alone_and_never_to_containers() -> None:
    assert machine_rules().splitlines() == ["deny in on auren0", "deny in on docker0", "allow 22/tcp"]
