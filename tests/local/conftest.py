"""The cloud on this machine, and the rehearsal stack in it: of each module, or of a package with a wider fixture."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cloud_server, docker_daemon, layout
from tests.local.deployment import Deployment, rehearsal
from tests.local.host import Host
from tests.sandbox.droplets.internet import Client, internet_client
from tests.workers import taking_docker_away


def sandbox(command: str) -> None:
    subprocess.run([sys.executable, "-m", "sandbox", command], cwd=layout.PROJECT, check=True, timeout=1200)


@pytest.fixture(scope="package")
def cloud() -> Iterator[None]:
    """The cloud on this machine, taken down afterwards unless it was there before."""
    running = cloud_server.health() is not None
    if not running:
        sandbox("start")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", docker_daemon.chosen() or "")
        yield
    if not running:
        with taking_docker_away():
            sandbox("down")
        assert not layout.STATE.exists()


@pytest.fixture(scope="module")
def deployment(cloud: None) -> Iterator[Deployment]:
    """Handed from test to test in the order of the file, destroyed at the end."""
    with rehearsal() as deployment:
        yield deployment


@pytest.fixture(scope="module")
def first_up(deployment: Deployment) -> str:
    """What the first `pulumi up` printed."""
    return deployment.up()


@pytest.fixture
def outputs(deployment: Deployment, first_up: str) -> dict[str, object]:
    return deployment.outputs()


@pytest.fixture
def host(outputs: dict[str, dict[str, str]]) -> Host:
    return Host(outputs["droplet"]["id"])


@pytest.fixture(scope="module")
def internet() -> Iterator[Client]:
    """Somebody out there."""
    with internet_client() as client:
        yield client


@pytest.fixture
def project() -> Path:
    return Path(__file__).parents[2]
