"""A process is ours by its command line, not by a number in a file."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.processes import BackgroundProcess, last_lines

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)", "--mark-of-a-test")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[BackgroundProcess]:
    process = BackgroundProcess("sleeper", tmp_path / "run" / "pid", ("--mark-of-a-test",), tmp_path / "log")
    yield process
    process.stop(seconds=1)


def test_it_is_found_again_by_another_command(sleeper: BackgroundProcess) -> None:
    pid = sleeper.start(SLEEP)
    same = BackgroundProcess("sleeper", sleeper.pidfile, sleeper.marks, sleeper.log)
    _until(lambda: same.pid() == pid)


def test_stopping_it_leaves_no_pidfile(sleeper: BackgroundProcess) -> None:
    sleeper.start(SLEEP)
    _until(lambda: sleeper.pid() is not None)
    assert sleeper.stop(seconds=5)
    assert sleeper.pid() is None
    assert not sleeper.pidfile.exists()


def test_a_process_that_ignores_the_request_is_killed(sleeper: BackgroundProcess) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    sleeper.start((sys.executable, "-c", deaf, "--mark-of-a-test"))
    _until(lambda: sleeper.last_lines() == ["deaf"])
    assert sleeper.stop(seconds=0.3)
    assert sleeper.pid() is None


def test_a_stranger_with_the_same_number_is_left_alone(sleeper: BackgroundProcess) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "--mark-of-a-testament"]) as stranger:
        try:
            sleeper.pidfile.parent.mkdir()
            sleeper.pidfile.write_text(str(stranger.pid))
            assert sleeper.pid() is None
            assert not sleeper.stop()
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.parametrize("content", ["", "not a number", "0", "-1", "999999999"])
def test_a_pidfile_with_nonsense_names_nobody(sleeper: BackgroundProcess, content: str) -> None:
    sleeper.pidfile.parent.mkdir()
    sleeper.pidfile.write_text(content)
    assert sleeper.pid() is None


def test_a_process_that_dies_at_once_is_not_running(sleeper: BackgroundProcess) -> None:
    sleeper.start((sys.executable, "-c", "print('no'); raise SystemExit(1)", "--mark-of-a-test"))
    _until(lambda: sleeper.last_lines() == ["no"] and sleeper.pid() is None)


def test_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert last_lines(log, 2) == ["line 99998", "line 99999"]
    assert last_lines(tmp_path / "none") == []


def _until(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
