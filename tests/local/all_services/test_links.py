"""Who reaches whom: the communication matrix between the containers, and nothing around it."""

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Any

import pytest

from auren_infra.placement import Instance
from auren_infra.services.model import BRIDGE, Service
from auren_infra.settings import CONTAINER_SUBNET
from tests.local import cloud
from tests.local.all_services.connections import assert_only_the_links_connect, probe, processes, reached
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import Deployment
from tests.local.host import COMPOSE, Host
from tests.sandbox.droplets.internet import Client, serving

pytestmark = pytest.mark.machine

OUTSIDE_PORT = 443
"""One that the cloud's firewall lets out."""
HOST_PORTS = (22, 80, 443, 8081)


def link_local(hardware_address: str) -> str:
    """The IPv6 address that an interface gives itself (RFC 4291, appendix A)."""
    octets = bytes.fromhex(hardware_address.replace(":", ""))
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def test_exactly_the_links_connect(host: Host, services: dict[str, Service]) -> None:
    assert_only_the_links_connect(host, services)


def test_no_container_reaches_the_machine_or_the_metadata(
    host: Host, outputs: dict[str, Any], services: dict[str, Service]
) -> None:
    """By none of the machine's addresses, and not by going out and in again at a published port."""
    own = [str(CONTAINER_SUBNET[1]), str(outputs["address"]), *cloud.addresses(host.droplet).values()]
    targets = [(address, port) for address in own for port in HOST_PORTS] + [("169.254.169.254", 80)]
    assert reached(probe(host, processes(host, services), targets)) == set()


def test_ipv6_is_no_way_around(host: Host, services: dict[str, Service]) -> None:
    """By the addresses that interfaces give themselves, of the other containers and of the machine's bridge."""
    containers = host.containers()
    networks = [containers[Instance(service).container]["NetworkSettings"]["Networks"] for service in services.values()]
    hardware = [endpoint["MacAddress"] for network in networks for endpoint in network.values()]
    hardware.append(host.run("cat", f"/sys/class/net/{BRIDGE}/address").strip())
    ports = sorted({service.port for service in services.values()} | {22})
    targets = [(link_local(address), port) for address in hardware for port in ports]
    assert reached(probe(host, processes(host, services), targets)) == set()


@pytest.fixture
def outside(internet: Client) -> Iterator[tuple[str, int]]:
    """A server somewhere on the internet."""
    with serving(internet, OUTSIDE_PORT):
        yield internet.address, OUTSIDE_PORT


def test_to_the_internet_go_only_those_that_need_it(
    host: Host, services: dict[str, Service], outside: tuple[str, int]
) -> None:
    sources = {**processes(host, services), "the machine itself": 1}
    answers = probe(host, sources, [outside])
    named = {name for name, service in services.items() if service.internet}
    assert named == {"api", "bridge"}
    assert {source for source, _ in reached(answers)} == named | {"the machine itself"}


@pytest.fixture
def made_again_by_hand(host: Host, containers: list[str]) -> dict[str, str]:
    """Containers that somebody has made with Compose, and the ids of those before.

    They are stopped first: a broker that loses its ZooKeeper before it ends is refused for the rest of its session,
    and Compose does not wait for its next start. The watchdog must not start what is stopped meanwhile.
    """
    before = {name: host.container_id(name) for name in containers}
    host.run("systemctl", "stop", "auren-watchdog")
    try:
        host.run(*COMPOSE, "stop", seconds=180)
        host.run(*COMPOSE, "up", "--detach", "--force-recreate", "--wait", seconds=300)
    finally:
        host.run("systemctl", "start", "auren-watchdog")
    host.wait_until_healthy(containers, 60)
    return before


def test_containers_that_compose_makes_again_are_as_they_were_deployed(
    deployment: Deployment, host: Host, services: dict[str, Service], made_again_by_hand: dict[str, str]
) -> None:
    now = {(name, host.container_id(name)) for name in made_again_by_hand}
    assert not set(made_again_by_hand.items()) & now
    assert_only_the_links_connect(host, services)
    assert deployment.planned() == {}
    assert drift() == (0, RIGHT)
