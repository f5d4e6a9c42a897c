"""Which version of a state is the one of a moment."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auren_infra.state import bucket, earlier
from auren_infra.state.__main__ import main
from auren_infra.state.bucket import StateError
from tests.state import spaces
from tests.state.spaces import Spaces
from tests.unit.state.kept import BUCKET, KEY, kept, log_in


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Spaces, list[datetime]]]:
    """An account with a stack that was made, updated, cut in an update, and removed; and when. Tests only read it."""
    with spaces.running(tmp_path_factory.mktemp("history")) as account, pytest.MonkeyPatch.context() as environment:
        log_in(account, environment)
        yield account, _live(account)


@pytest.fixture
def moments(history: tuple[Spaces, list[datetime]], monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """When the stack was made, first updated, cut in an update, and removed; each in a second of its own."""
    account, found = history
    log_in(account, monkeypatch)
    return found


def _live(account: Spaces) -> list[datetime]:
    bucket.create(BUCKET)
    client = account.client()
    found: list[datetime] = []
    empty = {"version": 3, "checkpoint": {"stack": "organization/auren/prod"}}
    for content in (empty, kept("network"), kept("network", "half made"), None):
        time.sleep(1.01 - time.time() % 1)  # S3 tells whole seconds
        if content is None:
            client.delete_object(Bucket=BUCKET.name, Key=KEY)
        else:
            for key, body in ((KEY, content), (f"{KEY}.bak", kept("copy"))):
                client.put_object(Bucket=BUCKET.name, Key=key, Body=json.dumps(body).encode())
        found.append(datetime.now(UTC).replace(microsecond=0))
    client.close()
    return found


def test_it_is_the_newest_version_that_is_not_after_the_moment(moments: list[datetime]) -> None:
    made, updated, cut, removed = moments
    found = earlier.at(BUCKET, "auren", "prod", cut - timedelta(milliseconds=1))
    assert (found.written, found.resources, found.pending) == (updated, 1, 0)
    assert json.loads(found.deployment) == {"version": 3, "deployment": kept("network")["checkpoint"]["latest"]}
    found = earlier.at(BUCKET, "auren", "prod", removed - timedelta(milliseconds=1))
    assert (found.written, found.resources, found.pending) == (cut, 2, 1)
    for moment in (made - timedelta(milliseconds=1), removed):
        with pytest.raises(StateError, match="held no state of auren's stack prod at 20"):
            earlier.at(BUCKET, "auren", "prod", moment)
    with pytest.raises(StateError, match="was new and held no resources yet"):
        earlier.at(BUCKET, "auren", "prod", updated - timedelta(milliseconds=1))
    with pytest.raises(StateError, match="held no state of auren's stack other"):
        earlier.at(BUCKET, "auren", "other", updated)


@pytest.mark.parametrize("name", ["prod", "auren/prod", "organization/auren/prod"])
def test_the_state_is_found_by_any_name_that_the_engine_prints(
    moments: list[datetime],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = tmp_path / "pulumi"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'url': BUCKET.login})}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert main(["earlier", "--stack", name, "--at", moments[1].isoformat()]) == 0
    assert json.loads(capsys.readouterr().out)["deployment"] == kept("network")["checkpoint"]["latest"]


def test_a_stack_of_another_project_has_no_state_here(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["earlier", "--stack", "organization/other/prod", "--at", "2026-03-01T16:00Z"])
    assert "is a stack of the project other" in capsys.readouterr().err


@pytest.mark.parametrize(("time", "fault"), [("yesterday", "is no time"), ("2026-03-01T16:00", "names no time zone")])
def test_a_time_that_may_be_misread_is_refused(time: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["earlier", "--stack", "prod", "--at", time])
    assert fault in capsys.readouterr().err
