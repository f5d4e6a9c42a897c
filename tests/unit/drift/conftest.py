"""A deployment, and the machine that it was done on."""

import pytest

from auren_infra import exported
from auren_infra.host.expected import Expected, expected
from tests.unit.drift.machine import Machine, as_deployed, export
from tests.unit.rehearsal import Rehearsal


@pytest.fixture(scope="session")
def deployed(update: Rehearsal) -> Expected:
    return expected(exported.commands(exported.parse(export(update))))


@pytest.fixture
def machine(update: Rehearsal) -> Machine:
    """Nothing on it differs yet."""
    return as_deployed(update)
