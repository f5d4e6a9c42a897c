"""A Docker engine inside a droplet works as on a real server: the program installs one."""

import pytest

from sandbox.droplets import DockerHypervisor
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule
from tests.sandbox.droplets.droplet import Boot, Droplet
from tests.sandbox.droplets.internet import Client

pytestmark = pytest.mark.machine

ANYWHERE = ("0.0.0.0/0",)


@pytest.fixture(scope="module")
def droplet(boot: Boot, hypervisor: DockerHypervisor) -> Droplet:
    droplet = boot(41)
    everything = tuple(FirewallRule(protocol, None, ANYWHERE) for protocol in ("tcp", "udp", "icmp"))
    inbound = tuple(FirewallRule("tcp", (port, port), ANYWHERE) for port in (22, 80))
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy(inbound, everything)})
    droplet.run(
        "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install docker.io docker-cli", timeout=240
    )
    # An image of the droplet's own Python: nothing is pulled.
    droplet.run("tar -C / -c usr/bin usr/lib usr/lib64 lib lib64 bin etc/passwd | docker import - tiny", timeout=120)
    return droplet


def test_two_releases_of_docker_are_offered_and_the_next_debians_is_never_chosen_by_itself(droplet: Droplet) -> None:
    offered = droplet.run("apt-cache madison docker.io docker-compose | awk '{ print $1, $6 }' | sort -u").splitlines()
    assert {"docker.io trixie/main", "docker.io forky/main", "docker-compose forky/main"} <= set(offered)
    assert droplet.run("docker version --format '{{.Server.Version}}'").startswith("26.")
    assert droplet.run("dpkg-query --show --showformat '${Version}\n' libc6").startswith("2.41-")
    simulated = droplet.run("apt-get -s -q dist-upgrade; apt-get -s -q install nginx")
    assert "Debian:testing" not in simulated


def test_the_engine_is_a_servers_own(droplet: Droplet) -> None:
    assert droplet.run("docker info --format '{{.Driver}}'") == "overlay2"
    assert droplet.run("systemctl is-system-running --wait") == "running"


def test_a_container_keeps_to_its_limits(droplet: Droplet) -> None:
    droplet.run(
        "docker run --detach --name hungry --memory 64m tiny python3 -c 'x = []\nwhile True: x.append(bytes(1 << 20))'"
    )
    droplet.run("docker wait hungry", timeout=60)
    assert droplet.run("docker inspect --format '{{.State.OOMKilled}}' hungry") == "true"
    closed = "docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges --user 101:101 tiny"
    assert droplet.ssh(f"{closed} touch /etc/motd").returncode != 0
    assert droplet.run(f"{closed} id -u") == "101"


def test_a_published_port_is_reached_from_the_internet_and_only_that(droplet: Droplet, internet: Client) -> None:
    serve = "python3 -m http.server"
    droplet.run(f"docker run --detach --name web --restart always --publish 80:8000 --publish 81:8000 tiny {serve}")
    droplet.run("timeout 20 bash -c 'until curl -fsS localhost:80 >/dev/null; do sleep .2; done'")
    assert internet.connect(droplet.address, 80) != "silent"
    assert internet.connect(droplet.address, 81) == "silent"


def test_containers_of_one_network_are_kept_apart_by_the_droplets_own_rules(droplet: Droplet) -> None:
    droplet.run("docker network create --opt com.docker.network.bridge.enable_icc=false apart")
    droplet.run("docker run --detach --network apart --name lone tiny python3 -m http.server")
    address = droplet.run("docker inspect --format '{{.NetworkSettings.Networks.apart.IPAddress}}' lone")
    dial = f"import socket; socket.create_connection(('{address}', 8000), 2)"
    assert droplet.ssh(f'docker run --rm --network apart tiny python3 -c "{dial}"').returncode != 0
    droplet.run(
        "iptables -I DOCKER-USER -p tcp --dport 8000 -j ACCEPT; iptables -I DOCKER-USER -p tcp --sport 8000 -j ACCEPT"
    )
    droplet.run(f'docker run --rm --network apart tiny python3 -c "{dial}"')


def test_containers_and_their_files_are_there_after_a_reboot(hypervisor: DockerHypervisor, droplet: Droplet) -> None:
    droplet.run("docker volume create kept && docker run --rm --volume kept:/kept tiny sh -c 'echo row > /kept/row'")
    hypervisor.reboot(droplet.id)
    droplet.wait()
    droplet.run("timeout 30 bash -c 'until curl -fsS localhost:80 >/dev/null; do sleep .2; done'")
    assert droplet.run("docker run --rm --volume kept:/kept tiny cat /kept/row") == "row"
