"""The rehearsal stack: brought up once, handed from test to test in the order of the file, destroyed at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cloud_server
from tests.local.deployment import Deployment, Host, UpdateFailedError


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    assert cloud_server.health(), "the cloud on this machine does not run: `python -m sandbox start` first"
    deployment = Deployment.make(tmp_path_factory.mktemp("rehearsal"))
    try:
        yield deployment
    finally:
        try:
            deployment.destroy()
        except UpdateFailedError as error:
            pytest.fail(f"the rehearsal stack could not be destroyed:\n{error}")
        deployment.forget()


@pytest.fixture(scope="session")
def first_up(deployment: Deployment) -> str:
    """What the first `pulumi up` printed."""
    return deployment.up()


@pytest.fixture
def outputs(deployment: Deployment, first_up: str) -> dict[str, object]:
    return deployment.outputs()


@pytest.fixture
def host(outputs: dict[str, dict[str, str]]) -> Host:
    return Host(outputs["droplet"]["id"])


@pytest.fixture
def project() -> Path:
    return Path(__file__).parents[2]
