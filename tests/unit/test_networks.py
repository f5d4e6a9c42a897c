"""The ranges that must be apart, and the addresses that somebody can come from."""

from ipaddress import IPv4Network, ip_network
from itertools import combinations

import pytest

from auren_infra.settings.networks import CONTAINER_SUBNET, DOCKER_BRIDGE, DOCKER_POOL, ON_THE_MACHINE, is_public
from tests.unit.configuration import settings

CLOUDS = [IPv4Network(network) for network in ("10.0.0.0/8", "169.254.0.0/16")]
"""The anchor of a reserved IP and the VPC; the metadata address."""


def test_dockers_networks_are_apart_from_each_other_and_from_the_clouds() -> None:
    assert set(ON_THE_MACHINE) == {CONTAINER_SUBNET, DOCKER_BRIDGE, DOCKER_POOL}
    assert [pair for pair in combinations([*ON_THE_MACHINE, *CLOUDS], 2) if pair[0].overlaps(pair[1])] == []


@pytest.mark.parametrize(
    "network", ["172.20.0.0/20", "172.16.0.0/16", "172.31.0.0/16", "192.168.16.0/20", "10.200.0.0/20"]
)
def test_a_vpc_may_have_what_docker_would_have_taken(network: str) -> None:
    assert settings(vpcRange=network, kafkaUiAllowed="[]").vpc_range == network


@pytest.mark.parametrize(
    ("network", "public"),
    [
        *((network, True) for network in ("0.0.0.0/0", "8.8.8.8", "10.0.0.0/7", "128.0.0.0/1", "2a00::/16")),
        *((network, True) for network in ("192.0.2.0/24", "198.18.0.0/15", "198.51.100.7", "203.0.113.0/24")),
        *((network, False) for network in ("10.1.2.3", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
        *((network, False) for network in ("127.0.0.1", "169.254.1.1", "224.0.0.1", "240.0.0.0/4", "0.0.0.0/8")),
        *((network, False) for network in ("::1", "fe80::/64", "fd12::1", "ff02::1")),
    ],
)
def test_who_can_come_to_a_public_address(network: str, public: bool) -> None:
    """The ranges for documentation and benchmarks are the rehearsal's internet."""
    assert is_public(ip_network(network)) is public


@pytest.mark.parametrize("sources", ['["198.51.100.7"]', '["10.200.3.4"]', '["10.0.0.0/8", "192.168.1.10"]'])
def test_the_kafka_ui_may_be_reached_from_inside_the_vpc(sources: str) -> None:
    assert settings(kafkaUiAllowed=sources).kafka_ui_allowed


def test_a_private_address_beside_a_public_one_is_let_be() -> None:
    """It may be of another VPC, behind a peering."""
    assert settings(sshAllowed='["203.0.113.7", "10.99.0.0/16"]').ssh_allowed == ("203.0.113.7", "10.99.0.0/16")
