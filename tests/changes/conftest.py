"""Production, deployed without a machine, for the tests of this directory alone: some of them rename it."""

from collections.abc import Iterator

import pytest

from tests.review.conftest import Production, deployed


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    with deployed(tmp_path_factory.mktemp("production")) as found:
        yield found
