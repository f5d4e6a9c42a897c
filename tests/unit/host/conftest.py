"""The bench that scripts run on."""

from pathlib import Path

import pytest

from tests.unit.host.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "machine")
