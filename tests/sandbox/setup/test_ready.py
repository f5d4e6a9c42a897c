"""What this machine lacks is told before anything is installed: by make, by CI's script, and by each command itself."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import cloud_server, layout, lifecycle, packages, prerequisites, preview, ready
from sandbox.__main__ import main
from sandbox.stack_config import StackConfigError

ROOT = Path(__file__).parents[3]
Make = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def nothing_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "faults", list)
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(cloud_server, "health", lambda: None)


@pytest.mark.parametrize("goal", ["test", "soak"])
def test_the_tests_want_no_cloud_beside_them(goal: str, monkeypatch: pytest.MonkeyPatch, nothing_lacks: None) -> None:
    assert ready.faults(goal) == []
    monkeypatch.setattr(cloud_server, "health", lambda: {"status": "ok"})
    assert ready.faults(goal) == [
        "A cloud is running here, and the tests want this machine to themselves: `make down` first."
    ]
    assert ready.faults("up") == [], "a second `make up` goes on where the first one was"


def test_all_that_this_machine_lacks_is_told_at_once(monkeypatch: pytest.MonkeyPatch, nothing_lacks: None) -> None:
    monkeypatch.setattr(prerequisites, "faults", lambda: ["Not root.", "2.0 GB of memory are free."])
    monkeypatch.setattr(packages, "missing", lambda: [packages.PROGRAMS[0]])
    monkeypatch.setattr(packages.shutil, "which", lambda name, path=None: None)
    said = ready.refusal("up") or ""
    assert said.startswith("`make up` cannot be done on this machine; nothing was changed.\n- Not root.\n- 2.0 GB")
    assert "no apt-get" in said


def test_taking_down_needs_root_and_nothing_else(monkeypatch: pytest.MonkeyPatch, nothing_lacks: None) -> None:
    monkeypatch.setattr(prerequisites, "faults", lambda: ["a full disk"])
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert ready.faults("down") == []
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "Not root" in (ready.refusal("down") or "")


@pytest.mark.parametrize("goal", ready.GOALS)
def test_no_package_is_needed_to_tell(goal: str) -> None:
    """`-S`: no site-packages. Whatever it finds here, it can tell."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "sandbox", "ready", goal],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)
    assert bool(done.returncode) == done.stderr.startswith(f"`make {goal}` cannot be done on this machine")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Run make in a tree without an environment, with a Python that notes its calls, and refuses or not.

    Returns the exit status, what make said, and the calls.
    """
    shutil.copy(ROOT / "Makefile", tmp_path)
    for file in ("requirements-dev.lock", "sandbox/requirements.lock"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\n'
        'case "$*" in "-m sandbox ready"*) [ -z "$REFUSE" ] || { echo "$REFUSE" >&2; exit 1; } ;;\n'
        '"-m venv"*) exit 7 ;; esac\n'
    )
    python.chmod(0o755)

    def run(*goals: str, refuse: str = "") -> tuple[int, str, list[str]]:
        done = subprocess.run(
            ["make", f"PYTHON={python}", *goals],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "REFUSE": refuse},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stderr, (tmp_path / "calls").read_text().splitlines()

    return run


@pytest.mark.parametrize("options", [[], ["-j4"]])
@pytest.mark.parametrize("goal", ready.GOALS)
def test_make_refuses_before_it_installs_anything(make: Make, tmp_path: Path, goal: str, options: list[str]) -> None:
    status, said, calls = make(*options, goal, refuse="a cloud is running")
    assert status == 2
    assert "a cloud is running" in said
    assert calls == [f"-m sandbox ready {goal}"]
    assert not (tmp_path / ".venv").exists()


def test_make_goes_on_where_nothing_lacks(make: Make) -> None:
    _, _, calls = make("up")
    assert calls[0] == "-m sandbox ready up"
    assert calls[-1] == "-m venv .venv"


@pytest.mark.parametrize("goal", ["check", "preview"])
def test_what_needs_no_machine_asks_for_none(make: Make, goal: str) -> None:
    _, _, calls = make(goal, refuse="a cloud is running")
    assert calls[-1] == "-m venv .venv"


@pytest.mark.skipif(os.geteuid() != 0, reason="without root it refuses for that")
@pytest.mark.parametrize(("running", "cut_before"), [(True, False), (True, True), (False, False)])
def test_ci_leaves_a_cloud_alone_that_it_has_not_started(tmp_path: Path, running: bool, cut_before: bool) -> None:
    started = tmp_path / "started"
    script = tmp_path / ".ci" / "run"
    script.parent.mkdir()
    text = (ROOT / ".ci" / "run").read_text()
    assert "\nSTARTED=/run/auren-ci " in text
    script.write_text(text.replace("STARTED=/run/auren-ci ", f"STARTED={started} "))
    if cut_before:
        started.touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python3", "make", "apt-get", "git", "dig"):
        program = programs / name
        body = f'case "$*" in *cloud_server*) exit {0 if running else 1} ;; esac' if name == "python3" else "exit 3"
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/calls\n{body}\n')
        program.chmod(0o755)
    done = subprocess.run(
        ["bash", script],
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    calls = (tmp_path / "calls").read_text()
    refused = running and not cut_before
    assert ("a cloud is running here that this script has not started" in done.stderr) == refused
    assert ("\nmake " in calls) == (not refused)
    assert "apt-get" not in calls
    assert not started.exists()
    assert done.returncode == (1 if refused else 3)


def test_a_stack_that_is_not_there_is_told_before_the_engine_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def built(note: object) -> None:
        raise AssertionError("the engine was built")

    monkeypatch.setattr(preview, "ensure_engine", built)
    with pytest.raises(StackConfigError, match="There is no stack nobody: "):
        preview.run("nobody", [])


def test_a_local_stack_that_cannot_be_read_is_told_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text("config: [")
    monkeypatch.setattr(lifecycle.stack_config.source_of, "__defaults__", (tmp_path,))

    def prepared(*given: object) -> None:
        raise AssertionError("something was built")

    monkeypatch.setattr(lifecycle, "_prepare", prepared)
    with pytest.raises(StackConfigError, match="is not YAML"):
        lifecycle.start()


def test_an_environment_without_a_cloud_is_refused_and_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(layout, "STATE", tmp_path / "state")
    monkeypatch.setattr("sys.argv", ["sandbox", "env"])
    assert main() == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nothing is set up yet: `python -m sandbox start` first" in shown.err
    assert not (tmp_path / "state").exists()
