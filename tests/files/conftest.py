"""`pytest tests/files --update-expected` writes the expected files anew; the difference is then read in review."""

from collections.abc import Callable
from pathlib import Path

import pytest

EXPECTED = Path(__file__).parent / "expected"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-expected", action="store_true", help="write tests/files/expected/ anew")


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`expect(name, text)`: the text is exactly what `expected/NAME` holds."""

    def compare(name: str, text: str) -> None:
        path = EXPECTED / name
        # A conftest that pytest meets late, as in a run of all tests, declares no option.
        if request.config.getoption("--update-expected", default=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert text == path.read_text(), f"{name} differs; when that is meant: pytest tests/files --update-expected"

    return compare
