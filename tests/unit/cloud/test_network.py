"""What reaches the machines, and what they reach."""

from typing import Any

import pytest

from tests.unit.rehearsal import NAME, Rehearsal, deploy

EVERYWHERE = ["0.0.0.0/0", "::/0"]


def _firewall(rehearsal: Rehearsal) -> dict[str, Any]:
    return rehearsal.only("digitalocean:index/firewall:Firewall").inputs


def test_the_firewall_lets_in_what_was_chosen_and_nothing_else(update: Rehearsal) -> None:
    assert _firewall(update)["inboundRules"] == [
        {"protocol": "tcp", "portRange": "22", "sourceAddresses": ["198.51.100.1/32"]},
        {"protocol": "tcp", "portRange": "80", "sourceAddresses": EVERYWHERE},
        {"protocol": "tcp", "portRange": "443", "sourceAddresses": EVERYWHERE},
        {"protocol": "tcp", "portRange": "8081", "sourceAddresses": ["10.200.0.0/20"]},
    ]


def test_the_firewall_lets_out_what_a_machine_needs_and_nothing_else(update: Rehearsal) -> None:
    rules = _firewall(update)["outboundRules"]
    assert [(rule["protocol"], rule.get("portRange")) for rule in rules] == [
        ("tcp", "53"),
        ("udp", "53"),
        ("tcp", "80"),
        ("tcp", "443"),
        ("udp", "123"),
        ("icmp", None),
    ]
    assert all(rule["destinationAddresses"] == EVERYWHERE for rule in rules)


def test_an_empty_list_closes_a_port() -> None:
    """A rule without sources is refused by the API, or read as "everyone"."""
    closed = deploy(kafkaUiAllowed="[]")
    assert [rule["portRange"] for rule in _firewall(closed)["inboundRules"]] == ["22", "80", "443"]
    assert [rule["port"] for rule in closed.outputs["firewall"]["inbound"]] == [22, 80, 443]


def test_ssh_may_be_closed_to_everyone() -> None:
    """Whoever deploys then lets in the address that they are at, for as long as it takes."""
    closed = deploy(sshAllowed="[]")
    assert [rule["portRange"] for rule in _firewall(closed)["inboundRules"]] == ["80", "443", "8081"]
    assert [rule["port"] for rule in closed.outputs["firewall"]["inbound"]] == [80, 443, 8081]


def test_no_droplet_is_without_its_firewall_for_a_moment(rehearsal: Rehearsal) -> None:
    firewall = rehearsal.only("digitalocean:index/firewall:Firewall")
    droplet = rehearsal.only("digitalocean:index/droplet:Droplet")
    assert "dropletIds" not in firewall.inputs, "by number it could only be made after the droplet"
    assert firewall.urn in droplet.dependencies
    assert rehearsal.only("digitalocean:index/tag:Tag").urn in firewall.dependencies & droplet.dependencies


def test_another_stack_of_the_same_name_fails_before_it_gets_this_ones_tag(rehearsal: Rehearsal) -> None:
    """The API gives it the tag that is there. Its destroy would delete it, and the droplet would have no firewall."""
    vpc = rehearsal.only("digitalocean:index/vpc:Vpc").urn
    assert vpc in rehearsal.only("digitalocean:index/tag:Tag").dependencies


def test_firewall_and_droplet_carry_the_same_tag(update: Rehearsal) -> None:
    droplet = update.only("digitalocean:index/droplet:Droplet").inputs
    assert _firewall(update)["tags"] == droplet["tags"] == [update.only("digitalocean:index/tag:Tag").inputs["name"]]


def test_all_of_it_is_in_one_region() -> None:
    elsewhere = deploy(region="fra1")
    for type_ in ("vpc:Vpc", "reservedIp:ReservedIp", "volume:Volume", "droplet:Droplet"):
        assert elsewhere.only(f"digitalocean:index/{type_}").inputs["region"] == "fra1", type_


@pytest.mark.parametrize(("protect_data", "protected"), [("true", True), ("false", False)])
def test_the_address_cannot_be_lost_by_mistake(protect_data: str, protected: bool) -> None:
    run = deploy(protectData=protect_data)
    assert run.only("digitalocean:index/reservedIp:ReservedIp").protect is protected


def test_names_carry_the_stack_they_belong_to(update: Rehearsal) -> None:
    for type_ in ("vpc:Vpc", "tag:Tag", "firewall:Firewall", "volume:Volume", "droplet:Droplet", "sshKey:SshKey"):
        assert update.only(f"digitalocean:index/{type_}").inputs["name"] == NAME, type_


def test_a_replaced_vpc_does_not_collide_with_its_own_name(rehearsal: Rehearsal) -> None:
    """A VPC's name is the account's only one of that name: the new one cannot be made beside the old."""
    assert rehearsal.only("digitalocean:index/vpc:Vpc").delete_before_replace
