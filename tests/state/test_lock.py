"""A lock that is held, one that is left behind, and how it is cleared."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.engine.project import Project
from tests.state.team import PROGRAM, ROOT, Team

LOCKED = (
    "error: the stack is currently locked by 1 lock(s). "
    "Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`."
)
LOCKS = ".pulumi/locks/"
STATE = ".pulumi/stacks/auren/prod.json"
WITHIN = 60


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """The update waits for this file."""
    yield tmp_path / "open"
    (tmp_path / "open").touch()


@pytest.fixture
def running(team: Team, founder: Project, gate: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An update that has come to a command of its own, which waits."""
    founder.write(
        PROGRAM
        + f"""
    import pulumi_command as command

    command.local.Command("slow", create="until [ -e {gate} ]; do sleep 0.1; done")
    """
    )
    update = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=founder.folder / "program",
        env=founder.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + WITHIN
        while not _pending(team):
            assert update.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it does not come to the command"
            time.sleep(0.1)
        yield update
    finally:
        _kill(update)


def _pending(team: Team) -> list[str]:
    """What has begun and not ended, our command among it; nothing before that has begun."""
    newest = json.loads(team.text(next(each for each in team.versions() if each["Key"] == STATE)))
    found = [each["resource"]["urn"] for each in newest["checkpoint"]["latest"].get("pending_operations") or []]
    return found if any("::slow" in urn for urn in found) else []


def _kill(update: subprocess.Popen[bytes]) -> None:
    """As a machine does that loses its power: nothing is said, nothing is put in order."""
    if update.poll() is None:
        os.killpg(update.pid, signal.SIGKILL)
    update.wait()


def test_one_update_at_a_time_and_previews_beside_it(
    team: Team, founder: Project, running: subprocess.Popen[bytes], gate: Path
) -> None:
    colleague, reader = team.member("second", "read and write", founder), team.member("third", "read", founder)
    for each in (colleague, reader):
        each.run("login", team.login)
    assert LOCKED in colleague.up(fails=True)
    assert "1 to create" in reader.run("preview")
    gate.touch()
    assert running.wait(WITHIN) == 0, "the refused one did it no harm"
    assert team.files(LOCKS) == []
    assert "4 unchanged" in colleague.up("--expect-no-changes")
    founder.write(PROGRAM)
    founder.up()


def test_a_lock_that_was_left_is_cleared(team: Team, founder: Project, running: subprocess.Popen[bytes]) -> None:
    _kill(running)
    password = founder.outputs()["password"]
    (lock,) = team.files(LOCKS)
    refused = founder.up(fails=True)
    assert LOCKED in refused
    assert f"{lock}?" in refused
    assert f"(pid {running.pid})" in refused
    founder.run("preview")
    (pending,) = json.loads(founder.run("stack", "export"))["deployment"]["pending_operations"]
    assert pending["resource"]["urn"].endswith("::slow")
    founder.run("cancel", "--yes")
    assert team.files(LOCKS) == []
    founder.write(PROGRAM)
    assert "::slow, interrupted while creating" in founder.up()
    assert founder.outputs()["password"] == password
    founder.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    assert "interrupted" not in founder.up()


def test_the_page_has_the_engines_words() -> None:
    assert LOCKED in (ROOT / "docs" / "state.md").read_text()
