"""One stack for all modules of this package: each finds it healthy and leaves it so."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auren_infra.placement import Instance
from auren_infra.services.model import Service
from sandbox import layout
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import Deployment, rehearsal
from tests.local.host import Host

HEALTHY_SECONDS = 60
WATCH_SECONDS = 3
"""`auren:watchSeconds` of the stack: each deployment of the API waits that long."""


@pytest.fixture(scope="package")
def deployment(cloud: None) -> Iterator[Deployment]:
    with rehearsal() as deployment:
        deployment.configure(watchSeconds=WATCH_SECONDS)
        yield deployment


@pytest.fixture(scope="package")
def first_up(deployment: Deployment) -> str:
    return deployment.up()


@pytest.fixture(scope="package")
def outputs(deployment: Deployment, first_up: str) -> dict[str, Any]:
    return deployment.outputs()


@pytest.fixture(scope="package")
def services(deployment: Deployment) -> dict[str, Service]:
    return {service.name: service for service in deployment.services()}


@pytest.fixture(scope="package")
def containers(services: dict[str, Service]) -> list[str]:
    """Their names."""
    return [Instance(service).container for service in services.values()]


@pytest.fixture(scope="module", autouse=True)
def healthy(outputs: dict[str, Any], containers: list[str]) -> None:
    """What the module before did is over."""
    Host(outputs["droplet"]["id"]).wait_until_healthy(containers, HEALTHY_SECONDS)


@pytest.fixture
def changed(deployment: Deployment, tmp_path: Path) -> Callable[[str, str, str], Deployment]:
    """The same stack under a program with a change: in this file, this text is another one."""
    project = tmp_path / "project"
    left_out = shutil.ignore_patterns(".git", ".venv", "tests", "__pycache__", ".*_cache")
    shutil.copytree(layout.PROJECT, project, ignore=left_out, symlinks=True)
    (project / ".venv").symlink_to(layout.PROJECT / ".venv")

    def change(file: str, old: str, new: str) -> Deployment:
        path = project / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))
        return replace(deployment, project=project)

    return change


@pytest.fixture
def right_afterwards(deployment: Deployment, host: Host, containers: list[str]) -> Iterator[None]:
    """The program and its settings without the change are deployed again, whatever the test has left."""
    yield
    deployment.up()
    host.wait_until_healthy(containers, 120)
    assert drift() == (0, RIGHT)
