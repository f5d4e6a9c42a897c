"""The machine that is asked."""

from pathlib import Path

import pytest

from tests.unit.on_machine import OnMachine, answering
from tests.unit.rehearsal import Rehearsal


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: Rehearsal) -> OnMachine:
    return answering(tmp_path, monkeypatch, update)
