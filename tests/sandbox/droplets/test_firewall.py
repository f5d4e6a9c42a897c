"""The firewall in front of a droplet: what it lets through, from wherever it comes, and what it silently drops."""

import shutil
import subprocess
from ipaddress import IPv4Address

import pytest

from sandbox import layout
from sandbox.droplets import DockerHypervisor, firewall
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule
from tests.sandbox.droplets.droplet import Boot, Droplet
from tests.sandbox.droplets.internet import CONNECT, HOST, SERVER, Client, serving

pytestmark = pytest.mark.machine

ANYWHERE = ("0.0.0.0/0",)


def tcp(port: int, *addresses: str) -> FirewallRule:
    return FirewallRule("tcp", (port, port), addresses or ANYWHERE)


ALL_OUT = tuple(FirewallRule(protocol, None, ANYWHERE) for protocol in ("tcp", "udp", "icmp"))


@pytest.fixture(scope="module")
def droplet(boot: Boot) -> Droplet:
    return serve(boot(11))


@pytest.fixture(scope="module")
def neighbour(boot: Boot) -> Droplet:
    return serve(boot(12))


def serve(droplet: Droplet, *ports: int) -> Droplet:
    droplet.run("cat > /root/server.py", stdin=SERVER)
    droplet.run("cat > /root/connect.py", stdin=CONNECT)
    for port in ports or (80, 8081):
        droplet.run(f"systemd-run --quiet python3 /root/server.py {port}")
        droplet.run(f"timeout 20 bash -c 'until ss -Hltn sport = :{port} | grep -q .; do sleep .1; done'")
    return droplet


def connect(droplet: Droplet, address: object, port: int) -> str:
    return droplet.run(f"python3 /root/connect.py {address} {port} 2")


def test_without_a_policy_it_is_open(droplet: Droplet, internet: Client) -> None:
    assert internet.connect(droplet.address, 8081) == f"open {internet.address}"
    assert HOST.connect(droplet.address, 8081) == f"open {layout.GATEWAY}"
    assert internet.connect(droplet.address, 9) == "refused"


def test_only_what_is_allowed_comes_in_and_the_rest_is_silence(
    hypervisor: DockerHypervisor, droplet: Droplet, internet: Client
) -> None:
    policy = FirewallPolicy((tcp(22, f"{layout.GATEWAY}/32"), tcp(80)), ALL_OUT)
    hypervisor.apply_firewalls({droplet.id: policy})
    for client in (HOST, internet):
        assert client.connect(droplet.address, 80) == f"open {client.address}"
        assert client.connect(droplet.address, 8081) == "silent"
        assert client.connect(droplet.address, 9) == "silent"
    assert HOST.connect(droplet.address, 22).startswith("open SSH")
    assert internet.connect(droplet.address, 22) == "silent"


def test_a_range_of_ports_and_a_network_of_sources(
    hypervisor: DockerHypervisor, droplet: Droplet, internet: Client
) -> None:
    rule = FirewallRule("tcp", (8000, 9000), (str(layout.INTERNET_RANGE), "203.0.113.7"))
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy((rule,), ALL_OUT)})
    assert internet.connect(droplet.address, 8081) == f"open {internet.address}"
    assert internet.connect(droplet.address, 80) == "silent"
    assert HOST.connect(droplet.address, 8081) == "silent"


def test_an_established_connection_outlives_its_rule(hypervisor: DockerHypervisor, droplet: Droplet) -> None:
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy((tcp(22),), ALL_OUT)})
    arguments = droplet.ssh_command("echo ready; read -r line; echo $line")
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "ready\n"
        hypervisor.apply_firewalls({droplet.id: FirewallPolicy()})
        assert HOST.connect(droplet.address, 22) == "silent"
        output, _ = session.communicate("still here\n", timeout=20)
    assert output == "still here\n"


def test_without_an_outbound_rule_nothing_goes_out(
    hypervisor: DockerHypervisor, droplet: Droplet, neighbour: Droplet
) -> None:
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy((tcp(22),))})
    assert connect(droplet, neighbour.address, 80) == "silent"
    assert droplet.ssh(f"ping -c 1 -W 1 {neighbour.address}").returncode != 0
    hypervisor.apply_firewalls(
        {droplet.id: FirewallPolicy((tcp(22),), (tcp(80), FirewallRule("icmp", None, ANYWHERE)))}
    )
    assert connect(droplet, neighbour.address, 80).startswith("open")
    assert connect(droplet, neighbour.address, 8081) == "silent"
    droplet.run(f"ping -c 1 -W 1 {neighbour.address}")


def test_neighbours_are_let_in_by_the_same_rules_on_both_networks(
    hypervisor: DockerHypervisor, droplet: Droplet, neighbour: Droplet
) -> None:
    allowed = (tcp(22), tcp(80, f"{neighbour.spec.private_ipv4}"))
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy(allowed, ALL_OUT)})
    private = droplet.spec.private_ipv4
    assert connect(neighbour, private, 80) == f"open {neighbour.spec.private_ipv4}"
    assert connect(neighbour, private, 8081) == "silent"
    assert connect(neighbour, droplet.address, 80) == "silent"


def test_of_this_machine_a_droplet_reaches_the_registry_only(hypervisor: DockerHypervisor, droplet: Droplet) -> None:
    own = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    others = [address for address in own if ":" not in address and address != str(layout.GATEWAY)]
    with serving(HOST, 443, 18600):
        hypervisor.apply_firewalls({})
        assert connect(droplet, layout.REGISTRY_HOST, 443) == f"open {droplet.address}"
        assert connect(droplet, layout.GATEWAY, 18600) == "silent"
        for address in others:
            assert connect(droplet, address, 443) == "silent"
        hypervisor.apply_firewalls({droplet.id: FirewallPolicy((tcp(22),), (tcp(80),))})
        assert connect(droplet, layout.REGISTRY_HOST, 443) == "silent"


def test_a_droplet_reaches_the_internet(hypervisor: DockerHypervisor, droplet: Droplet, internet: Client) -> None:
    hypervisor.apply_firewalls({})
    with serving(internet, 80):
        assert connect(droplet, internet.address, 80).startswith("open")


def test_this_machine_has_no_place_in_a_private_network(droplet: Droplet) -> None:
    private = f"{droplet.spec.private_ipv4}"
    addresses = subprocess.run(["ip", "-4", "-brief", "address"], capture_output=True, text=True, check=True).stdout
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    assert private.rpartition(".")[0] not in addresses + routes


def test_simulated_addresses_that_nobody_has_do_not_leave_the_machine(hypervisor: DockerHypervisor) -> None:
    route = subprocess.run(
        ["ip", "route", "show", "root", str(layout.PUBLIC_NETWORK)], capture_output=True, text=True, check=True
    ).stdout
    assert "blackhole 198.51.100.0/24" in route
    assert HOST.connect(layout.RESERVED_RANGE[50], 80, seconds=1) == "silent"


def test_rules_put_back_at_a_start_are_those_that_were_last_applied(
    hypervisor: DockerHypervisor, droplet: Droplet, internet: Client
) -> None:
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy((tcp(22), tcp(80)), ALL_OUT)})
    firewall.remove_all()  # what a restart of this machine leaves of them
    DockerHypervisor().close()
    assert internet.connect(droplet.address, 80).startswith("open")
    assert internet.connect(droplet.address, 8081) == "silent"


def test_every_rule_is_one_that_iptables_takes() -> None:
    assert shutil.which("iptables-restore")
    rules = tuple(
        FirewallRule(protocol, ports, ("10.0.0.0/8", "1.2.3.4", "0.0.0.0/0"))
        for protocol in ("tcp", "udp", "icmp")
        for ports in (None, (1, 65535), (53, 53))
    )
    addresses = {1: firewall.Addresses(layout.DROPLET_RANGE[5], IPv4Address("10.116.0.5"))}
    text = firewall.policy_rules({1: FirewallPolicy(rules, rules)}, addresses)
    done = subprocess.run(
        ["iptables-restore", "--test", "--noflush"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
