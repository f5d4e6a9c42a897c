"""A droplet reaches Spaces as on the internet: by its names, over TLS that it verifies, with keys."""

import subprocess
from collections.abc import Iterator

import pytest

from sandbox import layout
from sandbox.clouds.app import open_store
from sandbox.clouds.faults import Faults
from sandbox.clouds.spaces import object_store
from sandbox.clouds.spaces.object_store import ObjectStore, Place
from sandbox.clouds.spaces.server import SpacesServer
from sandbox.clouds.state import SpacesGrant, SpacesKey
from sandbox.clouds.store import spaces_keys
from sandbox.droplets import DockerHypervisor
from sandbox.droplets.hypervisor import FirewallPolicy, FirewallRule
from tests.sandbox.droplets.droplet import Boot, Droplet

pytestmark = pytest.mark.machine

OWNER = SpacesKey(
    name="owner",
    access_key="DO00OWNEROWNEROWNER0",
    secret_key="s" * 43,
    grants=[SpacesGrant(bucket="", permission="fullaccess")],
)
SIGNED = f"curl -sS --fail-with-body --aws-sigv4 aws:amz:us-east-1:s3 --user {OWNER.access_key}:{OWNER.secret_key}"
BUCKET = "https://auren-backups.fra1.digitaloceanspaces.com"


@pytest.fixture(scope="module")
def spaces(hypervisor: DockerHypervisor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """As the clouds serve it, on its real address. Before the droplet, whose firmware has its authority."""
    state = layout.STATE / "spaces"
    store = open_store(layout.STATE / "clouds", "aupex.ai")
    with store.change() as whole:
        whole.digitalocean.spaces_keys[OWNER.access_key] = OWNER
    place = Place(state, tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("logs"))
    server = SpacesServer(store, ObjectStore(lambda: spaces_keys(store), place), Faults(), layout.SPACES_CERTIFICATES)
    server.start()
    yield place
    server.stop()
    object_store.stop(place)
    for folder in (state, layout.STATE / "clouds"):
        subprocess.run(["rm", "-r", str(folder)], check=True)


@pytest.fixture(scope="module")
def droplet(spaces: Place, boot: Boot) -> Droplet:
    return boot(21)


def test_it_is_reached_by_name_over_verified_tls(droplet: Droplet) -> None:
    for name in ("fra1.digitaloceanspaces.com", "auren-backups.fra1.digitaloceanspaces.com"):
        assert droplet.run(f"getent ahostsv4 {name}").split()[0] == str(layout.SPACES_ADDRESS)
    assert "<Code>AccessDenied</Code>" in droplet.run("curl -sS https://fra1.digitaloceanspaces.com/")
    droplet.run(f"{SIGNED} -X PUT {BUCKET}/")
    droplet.run(f"echo kept | {SIGNED} -T - {BUCKET}/a/file")
    assert droplet.run(f"{SIGNED} https://fra1.digitaloceanspaces.com/auren-backups/a/file") == "kept"
    # Who does not know the authority is not led astray.
    assert "certificate" in droplet.ssh(f"curl -sS --cacert /dev/null --capath /dev/null {BUCKET}/").stderr


def test_its_authority_outlives_a_boot_and_an_update_of_the_systems_own(
    droplet: Droplet, hypervisor: DockerHypervisor
) -> None:
    before = droplet.run("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt")
    hypervisor.reboot(droplet.id)
    droplet.wait()
    assert droplet.run("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt") == before
    droplet.run("update-ca-certificates")
    assert droplet.run("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt") == before
    droplet.run("curl -sS https://fra1.digitaloceanspaces.com/")


def test_the_firewall_counts_for_it(droplet: Droplet, hypervisor: DockerHypervisor) -> None:
    ask = "curl -sS --max-time 4 https://fra1.digitaloceanspaces.com/"
    ssh = FirewallRule("tcp", (22, 22), ("0.0.0.0/0",))
    names, https = FirewallRule("udp", (53, 53), ("0.0.0.0/0",)), FirewallRule("tcp", (443, 443), ("0.0.0.0/0",))
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy((ssh,), (names, https))})
    droplet.run(ask)
    hypervisor.apply_firewalls({droplet.id: FirewallPolicy((ssh,), (names,))})
    assert "timed out" in droplet.ssh(ask).stderr
    hypervisor.apply_firewalls({})
    # Nothing else listens for droplets at its address.
    assert droplet.ssh(f"curl -sS --max-time 2 http://{layout.SPACES_ADDRESS}:{layout.SPACES_PROXY_PORT}/").returncode
