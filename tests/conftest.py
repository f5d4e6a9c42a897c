"""Tests of properties try other examples in each run. The seed is printed, so that a run can be repeated."""

import random

import pytest
from hypothesis import settings

from tests.examples import examples

# Hypothesis would try the same examples in each run of a CI.
settings.register_profile("rotating", derandomize=False, max_examples=examples(100))
settings.load_profile("rotating")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # The workers of pytest-xdist get the options, and so the seed, of the process that has started them.
    if config.getoption("hypothesis_seed") is None:
        config.option.hypothesis_seed = str(random.randrange(1 << 32))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs tests with real machines beside all others. This machine has room for one rehearsal.

    The tests of a directory stay together, since they share what is slow to set up.
    """
    for item in items:
        machine = item.get_closest_marker("machine")
        item.add_marker(pytest.mark.xdist_group("machine" if machine else str(item.path.parent)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    seed = terminalreporter.config.getoption("hypothesis_seed")
    terminalreporter.line(f"The same examples of the tests of properties again: pytest --hypothesis-seed={seed}")
