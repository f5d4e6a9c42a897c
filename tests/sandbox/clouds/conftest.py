"""A running cloud and its clients, fresh for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cloudflare import Cloudflare
from pydo import Client

from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.running import Clouds


@pytest.fixture
def machines() -> FakeHypervisor:
    return FakeHypervisor()


@pytest.fixture
def clouds(tmp_path: Path, machines: FakeHypervisor) -> Iterator[Clouds]:
    running = Clouds(tmp_path, machines)
    running.start()
    yield running
    machines.hold.set()
    running.stop()


@pytest.fixture
def do(clouds: Clouds) -> Client:
    return clouds.digitalocean()


@pytest.fixture
def cf(clouds: Clouds) -> Cloudflare:
    return clouds.cloudflare()
