"""A team, and who made its stack."""

from collections.abc import Iterator

import pytest

from tests.sandbox.engine.project import Project
from tests.state.team import Team, sharing


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with sharing(tmp_path_factory.mktemp("team")) as found:
        yield found


@pytest.fixture(scope="module")
def founder(team: Team) -> Project:
    """Logged in first, made the stack and brought it up, with a key for the bucket alone."""
    project = team.member("founder", "read and write")
    project.run("login", team.login)
    project.run("stack", "init", "prod")
    project.up()
    return project
