"""The tiers of tests as make runs them. pytest and the checks are programs that only note their calls."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECKS = ["lint-imports", "pyright", "ruff check", "ruff format --check"]
Make = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Run make; its exit status, what it printed, and the calls. Calls that begin with FAILING end with STATUS."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("unit", "files", "policy", "sandbox", "local"):
        (tmp_path / "tests" / name).mkdir(parents=True)
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name in ("python", "pytest", "ruff", "pyright", "lint-imports", "shellcheck", "uv"):
        program = folder / name
        program.write_text(
            f'#!/bin/sh\ncall="{name}${{*:+ $*}}"\necho "$call${{SOAK:+ soaking}}" >>{tmp_path}/calls\n'
            'case "$call" in "${FAILING:-nothing}"*) echo "$call fails"; exit "${STATUS:-1}" ;; esac\n'
        )
        program.chmod(0o755)
    for name in ("requirements-dev.lock", "sandbox/requirements.lock", ".venv/.for-running", ".venv/.for-development"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def run(*goals: str, **environment: str) -> tuple[int, str, list[str]]:
        done = subprocess.run(
            ["make", *goals],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        calls = tmp_path / "calls"
        return done.returncode, done.stdout, calls.read_text().splitlines() if calls.exists() else []

    return run


def _pytest(calls: list[str]) -> list[str]:
    return [call for call in calls if call.startswith("pytest")]


def test_check_runs_every_check_and_the_quick_tests_on_all_cores(make: Make) -> None:
    status, _, calls = make("check")
    assert status == 0
    (quick,) = _pytest(calls)
    assert quick.endswith(" -n auto --dist loadscope tests/unit tests/files")
    assert {call for call in calls if not call.startswith(("pytest", "shellcheck"))} == set(CHECKS)
    assert any(call.startswith("shellcheck") for call in calls)


@pytest.mark.parametrize("failing", ["ruff format", "ruff check", "pyright", "lint-imports", "shellcheck", "pytest"])
@pytest.mark.parametrize("goal", ["check", "verify", "test"])
def test_a_check_that_fails_fails_all_tiers_and_shows_what_it_printed(make: Make, failing: str, goal: str) -> None:
    status, said, calls = make(goal, FAILING=failing)
    assert status != 0
    assert f"{failing}" in said
    assert "fails" in said
    assert "python -m sandbox prepare" not in calls


@pytest.mark.parametrize(
    ("goal", "chosen", "built"),
    [
        ("verify", "-m not machine tests/policy tests/sandbox", "engine"),
        ("test", " tests/policy tests/local tests/sandbox", "prepare"),
    ],
)
def test_the_other_tests_run_once_one_after_another_when_what_they_need_is_built(
    make: Make, goal: str, chosen: str, built: str
) -> None:
    """Without root there are no machines."""
    status, _, calls = make(goal)
    assert status == 0
    quick, rest = _pytest(calls)
    assert ("--cov" in quick) is (goal == "verify")
    assert rest.endswith(chosen)
    assert "-n auto" not in rest
    assert calls[-2] == f"python -m sandbox {built}"
    assert calls[-1] == rest, "the last lines are pytest's summary"


def test_every_directory_of_tests_is_in_one_tier() -> None:
    """pytest's --ignore does not count for a directory that testpaths names."""
    text = (ROOT / "Makefile").read_text()
    quick, others = (
        re.findall(rf"^{name} := \$\(wildcard (.*)\)$", text, re.MULTILINE)[0].split()
        for name in ("QUICK_TESTS", "OTHER_TESTS")
    )
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    assert [*quick, *others] == known


def test_the_slowest_tests_are_shown(make: Make) -> None:
    for call in _pytest(make("test")[2]):
        assert "--durations=15" in call


def test_only_the_tests_with_a_name_are_run_in_every_tier(make: Make) -> None:
    status, _, calls = make("verify", "ONLY=kafka or redis")
    assert status == 0
    found, quick, rest = _pytest(calls)
    assert "--collect-only" in found
    assert "--cov" not in quick, "a part of the tests covers a part of the program"
    for call in (found, quick, rest):
        assert " -k kafka or redis" in call


def test_a_tier_without_a_test_of_that_name_is_passed_over(make: Make) -> None:
    status, _, calls = make("test", "ONLY=kafka", FAILING="pytest --durations", STATUS="5")
    assert status == 0
    assert len(_pytest(calls)) == 3


def test_a_tier_without_any_test_is_a_fault(make: Make) -> None:
    assert make("check", FAILING="pytest", STATUS="5")[0] != 0


def test_a_name_that_no_test_has_is_refused(make: Make) -> None:
    status, said, calls = make("test", "ONLY=kafak", FAILING="pytest --collect-only", STATUS="5")
    assert status != 0
    assert "ONLY=kafak: no test has this in its name" in said
    assert len(_pytest(calls)) == 1
    assert "python -m sandbox prepare" not in calls


def test_soak_runs_more_examples_every_long_test_and_every_case_of_the_sweeps(make: Make) -> None:
    status, _, calls = make("soak")
    assert status == 0
    sweeps = ("tests/local/all_services/test_cut_deployments.py", "tests/changes/test_lost_answers.py")
    assert calls == [
        "python -m sandbox ready soak",
        "pytest -n auto -m hypothesis tests/unit tests/files soaking",
        "python -m sandbox prepare",
        "pytest -m long tests/policy tests/local tests/sandbox soaking",
        f"pytest {' '.join(sweeps)} soaking",
    ]
    assert all((ROOT / sweep).exists() for sweep in sweeps)


def test_help_lists_every_command_that_is_for_people() -> None:
    text = (ROOT / "Makefile").read_text()
    goals = set(re.findall(r"^([a-z]+):[^=\n]*##", text, re.MULTILINE))
    assert goals == {"help", "up", "down", "check", "verify", "test", "soak", "lock", "preview"}
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    assert set(re.findall(r"^  make ([a-z]+) ", shown, re.MULTILINE)) == goals
