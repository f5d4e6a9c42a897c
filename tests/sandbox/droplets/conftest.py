"""A cloud of the tests' own: its own state, and everything of it gone afterwards."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import docker
import pytest

from sandbox import docker_daemon, layout
from sandbox.droplets import DockerHypervisor, ensure_base_image, machine, network, remove_all
from tests.sandbox.droplets.droplet import VPC, Boot, Droplet, plan
from tests.sandbox.droplets.internet import Client, internet_client

OWN_MARKS = ("asbx-public", "asbx-v", "ASBX-", "asbx-state")


def traces() -> dict[str, str]:
    """What of a sandbox can be seen on this machine."""

    def lines(command: str) -> list[str]:
        return subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout.splitlines()

    with contextlib.closing(docker.from_env()) as client:
        containers = [str(droplet_id) for droplet_id in machine.all_addresses(client)]
        networks = [each.name for each in client.networks.list(filters={"label": network.LABEL})]
    found = {
        "containers": containers,
        "networks": networks,
        "routes": lines(f"ip route show root {layout.PUBLIC_NETWORK}"),
        "bridges": [line for line in lines("ip -brief link") if any(mark in line for mark in OWN_MARKS)],
        "devices": [line for line in lines("losetup --list --noheadings") if any(mark in line for mark in OWN_MARKS)],
        "rules": [line for line in lines("iptables-save") if any(mark in line for mark in OWN_MARKS)],
        "files": [str(path) for path in layout.STATE.iterdir()],
    }
    return {name: "\n".join(there) for name, there in found.items() if there}


@pytest.fixture(scope="module")
def hypervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerHypervisor]:
    if "DOCKER_HOST" not in os.environ:
        docker_daemon.ensure()
    with contextlib.closing(docker.from_env()) as client:
        running = client.networks.list(filters={"label": network.LABEL})
    if running:
        pytest.fail("A sandbox is running here, and this machine has room for one: `make down` first.", pytrace=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "STATE", tmp_path_factory.mktemp("asbx-state"))
        patch.setattr(layout, "SPACES_CERTIFICATES", layout.STATE / "spaces" / "certificates")
        ensure_base_image(print)
        try:
            with contextlib.closing(DockerHypervisor()) as made:
                made.ensure_vpc(VPC, IPv4Network("10.116.0.0/20"))
                yield made
        finally:
            remove_all()
        assert traces() == {}, "remove_all left these behind"


@pytest.fixture(scope="module")
def boot(hypervisor: DockerHypervisor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boot]:
    """Boot droplets that are destroyed when the module is done."""
    booted: list[int] = []

    def _boot(number: int, **user_data: object) -> Droplet:
        directory: Path = tmp_path_factory.mktemp("droplet") / "keys"
        droplet = plan(number, directory, user_data=user_data)
        booted.append(droplet.id)
        hypervisor.create_droplet(droplet.spec)
        droplet.wait()
        return droplet

    yield _boot
    hypervisor.apply_firewalls({})
    for droplet_id in booted:
        hypervisor.destroy_droplet(droplet_id)


@pytest.fixture(scope="module")
def internet() -> Iterator[Client]:
    with internet_client() as client:
        yield client
