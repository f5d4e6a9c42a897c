"""A Spaces account of its own for each test, asked with the key of full access."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state import spaces
from tests.state.spaces import Spaces
from tests.unit.state.kept import log_in


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spaces]:
    with spaces.running(tmp_path / "spaces") as running:
        log_in(running, monkeypatch)
        yield running
