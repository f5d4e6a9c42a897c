"""Tests of properties: other examples in each run, the same again by the printed seed, and more under `make soak`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples import examples, sample

ROOT = Path(__file__).parents[2]
# Ends with the examples that were drawn, as an error that pytest shows.
DRAWN = """
import hypothesis.strategies as st
from hypothesis import Phase, given, settings

drawn = []

@settings(phases=[Phase.generate])
@given(st.integers())
def test_draw(value):
    drawn.append(value)

def test_show():
    raise SystemError(f"drawn: {sum(drawn)} in {len(drawn)}")
"""


def _pytest(file: Path, *options: str, **environment: str) -> str:
    """What a run of this file alone prints."""
    alone = ["-p", "no:cacheprovider", "-c", "pyproject.toml", "--confcutdir=tests", "-p", "tests.conftest"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *alone, str(file), *options],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout


def _drawn(tmp_path: Path, *options: str, **environment: str) -> tuple[str, int, str]:
    """Sum and number of the examples, and the seed that was printed."""
    (tmp_path / "test_drawn.py").write_text(DRAWN)
    said = _pytest(tmp_path / "test_drawn.py", "-q", *options, **environment)
    total, number = re.findall(r"drawn: (-?\d+) in (\d+)", said)[0]
    (seed,) = re.findall(r"--hypothesis-seed=(\d+)$", said, re.MULTILINE)
    return total, int(number), seed


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}], ids=["here", "CI"])
def test_each_run_tries_others_and_a_seed_repeats_them(tmp_path: Path, environment: dict[str, str]) -> None:
    first = _drawn(tmp_path, **environment)
    other = _drawn(tmp_path, **environment)
    assert other != first
    assert _drawn(tmp_path, f"--hypothesis-seed={first[2]}", **environment) == first


def test_a_soak_tries_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOAK", raising=False)
    assert examples(100) == 100
    monkeypatch.setenv("SOAK", "1")
    assert examples(100) == 3000
    assert _drawn(tmp_path, SOAK="1")[1] > 1000


def test_a_sample_is_another_one_by_another_seed_and_a_soak_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOAK", raising=False)
    cases = range(100)
    assert sample(cases, 3, "7") == sample(cases, 3, "7")
    assert len({tuple(sample(cases, 3, seed)) for seed in range(20)}) > 15
    assert len(set(sample(cases, 3, "7"))) == 3
    monkeypatch.setenv("SOAK", "1")
    assert sample(cases, 3, "7") == list(cases)


LONG = """
import pytest

@pytest.mark.long(250)
@pytest.mark.parametrize("number", range(9))
def test_long(number):
    pass

def test_short():
    pass
"""


def _run(tmp_path: Path, *options: str, **environment: str) -> set[str]:
    """The tests that are run."""
    (tmp_path / "test_long.py").write_text(LONG)
    return set(re.findall(r"::(\S+) PASSED", _pytest(tmp_path / "test_long.py", "-v", *options, **environment)))


def test_a_run_that_rotates_has_ten_minutes_of_the_long_tests(tmp_path: Path) -> None:
    some = _run(tmp_path, "--rotate", "--hypothesis-seed=7")
    assert len(some) == 4
    assert "test_short" in some
    assert _run(tmp_path, "--rotate", "--hypothesis-seed=7") == some
    assert _run(tmp_path, "--rotate", "--hypothesis-seed=8") != some
    assert len(_run(tmp_path)) == len(_run(tmp_path, "--rotate", SOAK="1")) == 10
