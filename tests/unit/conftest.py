"""The program's rehearsals that many tests look at: run once, since nothing changes them."""

import asyncio
import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # The providers' SDKs warn of every deprecated resource that they export, used or not, when they are imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from tests.unit.rehearsal import Rehearsal, deploy


@pytest.fixture(scope="session", autouse=True)
def event_loop_of_pulumi() -> Iterator[None]:
    """Mocks take whatever event loop the thread has, and make one that nobody closes where there is none."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="session")
def update() -> Rehearsal:
    """The complete stack with all values known."""
    return deploy()


@pytest.fixture(scope="session")
def preview() -> Rehearsal:
    """The complete stack as a preview of its first update sees it: what clouds answer is unknown."""
    return deploy(preview=True)


@pytest.fixture(params=["update", "preview"])
def rehearsal(request: pytest.FixtureRequest) -> Rehearsal:
    """Both of them, for what must hold either way."""
    return request.getfixturevalue(request.param)
