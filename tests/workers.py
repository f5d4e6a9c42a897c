"""Which worker of `make test` runs a test, and who may take the Docker daemon away that both have.

One worker has all files with droplets, since this machine has room for one rehearsal. The other one has the rest.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sandbox import docker_daemon
from tests.tree import ROOT

DROPLETS = "droplets"
DOCKER_ALONE = ("tests/sandbox/images", "tests/sandbox/plugins")
"""Directories whose tests with the mark `machine` use Docker, and no droplet."""
_LOCK = Path("/run/lock/auren-tests-docker")


def group(file: str) -> str:
    """The tests of a directory stay together, since they share what is slow to set up."""
    path = Path(file)
    for directory in DOCKER_ALONE:
        if path.is_relative_to(directory):
            return directory
    return DROPLETS if _needs_machine(path) else str(path.parent)


@cache
def _needs_machine(path: Path) -> bool:
    return "mark.machine" in (ROOT / path).read_text(encoding="utf-8")


@contextlib.contextmanager
def using_docker() -> Iterator[str]:
    """The address of a daemon, which is started if needed, and stays meanwhile."""
    with _held(fcntl.LOCK_SH), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", os.environ.get("DOCKER_HOST", ""))  # `ensure` sets it, and other tests ask for it
        yield docker_daemon.ensure()


@contextlib.contextmanager
def taking_docker_away() -> Iterator[None]:
    """Nobody uses it meanwhile."""
    with _held(fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def _held(kind: int) -> Iterator[None]:
    with _LOCK.open("w") as file:
        fcntl.flock(file, kind)
        yield
