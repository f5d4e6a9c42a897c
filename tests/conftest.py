"""Each run tries other examples of the tests of properties, and other long tests: the same ones again by the seed."""

import random

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.examples import affordable, examples
from tests.workers import group

# Hypothesis would try the same examples in each run of a CI, and call a test flaky on a machine that is busy.
settings.register_profile("rotating", derandomize=False, deadline=None, max_examples=examples(100))
settings.load_profile("rotating")

ROTATED_SECONDS = 600
"""Of the long tests, a run that rotates takes others each time, until they take this long."""
USUAL_SECONDS = 60
"""Of a long test whose mark names none."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rotate", action="store_true", help="run a few of the tests with the mark `long`, not all")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("hypothesis_seed") is None:
        told: dict[str, str] = getattr(config, "workerinput", {})
        config.option.hypothesis_seed = told.get("hypothesis_seed") or str(random.randrange(1 << 32))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """A worker of pytest-xdist gets the arguments of the process that starts it, and no option that was set later."""
    node.workerinput["hypothesis_seed"] = str(node.config.getoption("hypothesis_seed"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("rotate"):
        return
    marks = {item: mark for item in items if (mark := item.get_closest_marker("long"))}
    seconds = {item: float(mark.args[0] if mark.args else USUAL_SECONDS) for item, mark in marks.items()}
    kept = set(affordable(seconds, ROTATED_SECONDS, config.getoption("hypothesis_seed")))
    left_out = [item for item in seconds if item not in kept]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


class Groups(LoadScopeScheduling):
    """pytest-xdist's own groups do not work with this pytest."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    return Groups(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    seed = terminalreporter.config.getoption("hypothesis_seed")
    terminalreporter.line(f"The same examples and long tests again: pytest --hypothesis-seed={seed}")
