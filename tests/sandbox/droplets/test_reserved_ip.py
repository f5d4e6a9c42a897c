"""A reserved address leads to the droplet that it is assigned to, and shows it who calls."""

import pytest

from sandbox import layout
from sandbox.droplets import DockerHypervisor
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule, HypervisorError
from tests.sandbox.droplets.droplet import Boot, Droplet
from tests.sandbox.droplets.internet import HOST, Client
from tests.sandbox.droplets.test_firewall import serve

pytestmark = pytest.mark.machine

RESERVED = layout.RESERVED_RANGE[77]


@pytest.fixture(scope="module")
def droplet(boot: Boot) -> Droplet:
    return serve(boot(21))


@pytest.fixture(scope="module")
def other(boot: Boot) -> Droplet:
    return serve(boot(22))


def test_it_leads_to_the_droplet_which_sees_the_callers_own_address(
    hypervisor: DockerHypervisor, droplet: Droplet, internet: Client
) -> None:
    hypervisor.assign_reserved_ip(RESERVED, droplet.id)
    for client in (HOST, internet):
        assert client.connect(RESERVED, 80) == f"open {client.address}"


def test_the_droplets_firewall_guards_it(hypervisor: DockerHypervisor, droplet: Droplet, internet: Client) -> None:
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy((FirewallRule("tcp", (80, 80), ("0.0.0.0/0",)),))})
    for client in (HOST, internet):
        assert client.connect(RESERVED, 80) == f"open {client.address}"
        assert client.connect(RESERVED, 8081) == "silent"
    hypervisor.apply_firewalls({})


def test_another_droplet_reaches_it_too(other: Droplet) -> None:
    assert other.run(f"python3 /root/connect.py {RESERVED} 80 2") == f"open {other.address}"


def test_assigned_to_another_it_moves_and_unassigned_it_is_silent(
    hypervisor: DockerHypervisor, droplet: Droplet, other: Droplet, internet: Client
) -> None:
    serve(other, 7000)  # where the first one has nothing
    assert internet.connect(RESERVED, 7000) == "refused"
    hypervisor.assign_reserved_ip(RESERVED, other.id)
    assert internet.connect(RESERVED, 7000) == f"open {internet.address}"
    hypervisor.assign_reserved_ip(RESERVED, None)
    for client in (HOST, internet):
        assert client.connect(RESERVED, 80) == "silent"
    hypervisor.assign_reserved_ip(RESERVED, None)  # once more is no fault


def test_a_droplet_that_is_not_there_gets_none(hypervisor: DockerHypervisor) -> None:
    with pytest.raises(HypervisorError, match="no droplet"):
        hypervisor.assign_reserved_ip(RESERVED, 4711)


def test_with_its_droplet_destroyed_it_is_silent(hypervisor: DockerHypervisor, boot: Boot) -> None:
    doomed = serve(boot(23))
    hypervisor.assign_reserved_ip(RESERVED, doomed.id)
    assert HOST.connect(RESERVED, 80).startswith("open")
    hypervisor.destroy_droplet(doomed.id)
    assert HOST.connect(RESERVED, 80) == "silent"
