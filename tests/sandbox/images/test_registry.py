"""The registry, with the real docker-registry: pushed through one door, pulled by digest through the other."""

import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker
import httpx
import pytest

from sandbox import layout, registry
from sandbox.images.recipe import REPOSITORY

pytestmark = pytest.mark.machine

TAG = "0123456789ab"


def free_port(address: str) -> int:
    with closing(socket.socket()) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[registry.Place]:
    place = registry.Place(
        state=tmp_path / "state/registry",
        storage=tmp_path / "storage",
        run=tmp_path / "run",
        logs=tmp_path / "logs",
        pull=f"127.0.0.2:{free_port('127.0.0.2')}",
        push=f"127.0.0.1:{free_port('127.0.0.1')}",
    )
    yield place
    registry.stop(place)


@pytest.fixture
def image(client: docker.DockerClient, images: dict[str, str]) -> Iterator[str]:
    """A small image of a service's name."""
    reference = f"{REPOSITORY}/nginx:{TAG}"
    container = client.containers.create(images["nginx"])
    container.commit(f"{REPOSITORY}/nginx", TAG)
    container.remove()
    yield reference
    client.images.remove(reference)


def pulling(place: registry.Place) -> httpx.Client:
    """A client that trusts the registry's authority alone, as a droplet's Docker does."""
    context = ssl.create_default_context(cafile=str(place.authority))
    return httpx.Client(verify=context, trust_env=False, base_url=f"https://{place.pull}")


def test_an_image_is_pushed_once_and_pulled_by_digest(place: registry.Place, image: str) -> None:
    registry.start(place)
    reference = registry.push_images({"nginx": image}, place)["nginx"]
    name, _, digest = reference.partition("@")
    assert name == f"{layout.REGISTRY_HOST}/auren/nginx:{TAG}"
    assert digest == registry.published_digest("nginx", TAG, place)
    said: list[str] = []
    assert registry.push_images({"nginx": image}, place, said.append)["nginx"] == reference
    assert said == []

    with pulling(place) as client:
        manifest = client.get(
            f"/v2/auren/nginx/manifests/{digest}",
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        )
        assert manifest.status_code == 200
        layers = [layer["digest"] for layer in manifest.json()["layers"]]
        assert layers
        assert all(client.head(f"/v2/auren/nginx/blobs/{layer}").status_code == 200 for layer in layers)
        # Droplets read only.
        assert client.post("/v2/auren/nginx/blobs/uploads/").status_code == 405


def test_what_was_pushed_is_there_after_a_restart_with_new_certificates(place: registry.Place, image: str) -> None:
    registry.start(place)
    reference = registry.push_images({"nginx": image}, place)["nginx"]
    registry.stop(place)
    assert not registry.is_running(place)
    assert registry.published_digest("nginx", TAG, place) == reference.rpartition("@")[2]
    for file in place.state.iterdir():
        file.unlink()  # `down` removes the state; the storage is in the cache

    registry.start(place)
    assert registry.push_images({"nginx": "no such image:" + TAG}, place)["nginx"] == reference


def test_a_second_start_leaves_what_runs_alone(place: registry.Place) -> None:
    registry.start(place)
    pids = [place.door(name).pid() for name in ("push", "pull")]
    assert None not in pids
    registry.start(place)
    assert [place.door(name).pid() for name in ("push", "pull")] == pids
    # A door that died is opened again.
    place.door("pull").stop()
    assert registry.is_running(place)
    registry.start(place)
    assert place.door("push").pid() == pids[0]
    with pulling(place) as client:
        assert client.get("/v2/").status_code == 200


def test_the_certificate_is_for_the_name_and_verifies_only_with_the_authority(place: registry.Place) -> None:
    registry.start(place)
    address, port = place.pull.split(":")
    context = ssl.create_default_context(cafile=str(place.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        closing(socket.create_connection((address, int(port)), timeout=10)) as raw,
        context.wrap_socket(raw, server_hostname=layout.REGISTRY_HOST) as tls,
    ):
        assert tls.version() in ("TLSv1.2", "TLSv1.3")
    with (
        httpx.Client(trust_env=False) as stranger,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        stranger.get(f"https://{place.pull}/v2/")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in place.state.iterdir()}
    assert modes == {"ca.pem": 0o644, "server.pem": 0o644, "server.key": 0o600, "push.json": 0o600, "pull.json": 0o600}


def test_an_address_that_is_not_here_is_told(place: registry.Place) -> None:
    with pytest.raises(registry.RegistryError, match="does not answer"):
        registry.start(replace(place, pull="198.18.250.250:443"))
