"""A Spaces account of its own for each test, asked with the key of full access."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.state import spaces
from tests.state.spaces import Spaces


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spaces]:
    with spaces.running(tmp_path / "spaces") as running:
        for name, value in running.environment("full").items():
            monkeypatch.setenv(name, value)
        yield running
