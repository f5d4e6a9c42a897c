"""Service containers as production runs them: a given user, a read-only root, no capability, no new privileges."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import NotFound
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from sandbox import registry
from sandbox.images import build_images
from tests.sandbox.images.containers import Run
from tests.workers import using_docker

PREFIX = "asbx-test-images"
SUBNET = "198.18.77.0/24"


@pytest.fixture(scope="package")
def client() -> Iterator[docker.DockerClient]:
    with using_docker(), closing(docker.from_env(timeout=120)) as client:
        yield client


@pytest.fixture(scope="package")
def images(client: docker.DockerClient) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        # The daemon itself must have them here: what the registry holds does not count.
        patch.setattr(registry, "published_digest", lambda _name, _tag: None)
        return build_images(print)


@pytest.fixture(scope="package")
def network(client: docker.DockerClient) -> Iterator[Network]:
    pool = IPAMPool(subnet=SUBNET)
    network = client.networks.create(
        f"{PREFIX}-net-{secrets.token_hex(3)}", ipam=IPAMConfig(pool_configs=[pool]), internal=True
    )
    yield network
    network.remove()


@pytest.fixture
def run(client: docker.DockerClient, images: dict[str, str], network: Network, volume: str) -> Iterator[Run]:
    """Start a service locked down as in production; everything is removed after the test (before its volume)."""
    started: list[Container] = []

    def start(service: str, *, command: list[str] | None = None, alias: str = "", **options: Any) -> Container:
        options = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]} | options
        name = f"{PREFIX}-{service}-{secrets.token_hex(3)}"
        container = client.containers.create(images[service], command, name=name, **options)
        started.append(container)
        network.connect(container, aliases=[alias or service])
        container.start()
        container.reload()
        return container

    yield start
    for container in started:
        try:
            container.remove(force=True, v=True)
        except NotFound:
            continue


@pytest.fixture
def volume(client: docker.DockerClient) -> Iterator[str]:
    volume = client.volumes.create(f"{PREFIX}-{secrets.token_hex(4)}")
    yield volume.name
    volume.remove(force=True)


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    """Passwords as files, readable by the containers' users."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    for name in ("postgres", "redis"):
        (folder / name).write_text(f"{name}'s \"$pass word\n", encoding="utf-8")
        (folder / name).chmod(0o644)
    return folder
