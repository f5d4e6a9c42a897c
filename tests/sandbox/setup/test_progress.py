"""Steps side by side: everyone's lines, and every failure."""

import io
import re
from pathlib import Path

import pytest

from sandbox import progress as module
from sandbox.progress import Note, Progress, StepError


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(tmp_path: Path, stream: io.StringIO) -> Progress:
    return Progress(tmp_path, stream)


def test_each_line_says_when_and_which_step(progress: Progress, stream: io.StringIO, tmp_path: Path) -> None:
    def work(note: Note) -> int:
        note("fetching\ncompiling")
        return 7

    assert progress.run("engine", work) == 7
    lines = stream.getvalue().splitlines()
    assert [re.sub(r"\d", "0", line) for line in lines] == [
        "[00:00] engine           fetching",
        "[00:00] engine           compiling",
        "[00:00] engine           ready (0 s)",
    ]
    assert "compiling" in (tmp_path / "engine.log").read_text()


def test_a_failure_tells_the_step_the_cause_and_the_log(progress: Progress, tmp_path: Path) -> None:
    def work(note: Note) -> None:
        note("unpacking python3")
        raise OSError("No space left on device")

    with pytest.raises(StepError) as failure:
        progress.run("droplet image", work)
    text = str(failure.value)
    assert text.startswith("droplet image failed: No space left on device")
    assert "unpacking python3" in text
    assert str(tmp_path / "droplet-image.log") in text
    assert "Traceback" not in text
    assert "Traceback" in (tmp_path / "droplet-image.log").read_text()


def test_all_failures_of_steps_side_by_side_are_told(progress: Progress) -> None:
    def fail(text: str) -> object:
        raise RuntimeError(text)

    with pytest.raises(StepError) as failure:
        progress.run_together(
            {"one": lambda _: fail("no Go"), "two": lambda _: "fine", "three": lambda _: fail("no disk")}
        )
    assert "one failed: no Go" in str(failure.value)
    assert "three failed: no disk" in str(failure.value)
    assert "two failed" not in str(failure.value)


def test_results_come_back_by_step(progress: Progress) -> None:
    assert progress.run_together({"one": lambda _: 1, "two": lambda _: 2}) == {"one": 1, "two": 2}


def test_a_long_step_says_that_it_is_still_at_it_with_one_clock(
    progress: Progress, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)

    def work(note: Note) -> None:
        while stream.getvalue().count("still at work") < 1:
            pass
        note("linking")
        while stream.getvalue().count("linking") < 3:  # the note itself, and two beats
            pass

    progress.run("engine", work)
    *lines, ready = [re.sub(r"\d", "0", line) for line in stream.getvalue().splitlines()]
    assert "[00:00] engine           still at work" in lines
    assert "[00:00] engine           still at work: linking" in lines
    assert all(line.count("0") == 4 for line in lines), "the time at the head is the only number"
    assert ready == "[00:00] engine           ready (0 s)"


def test_a_step_that_speaks_is_not_said_to_be_still_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    said = module._Said()
    now += 20
    assert said.silence(20) == "still at work"
    now += 15
    said.add("fetching\ncompiling")
    now += 15
    assert said.silence(20) is None
    now += 5
    assert said.silence(20) == "still at work: compiling"
    assert said.silence(20) is None
