"""The two workers of `make test` do not get in each other's way."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox import docker_daemon
from tests import workers
from tests.tree import ROOT
from tests.workers import DOCKER_ALONE, DROPLETS, group, taking_docker_away, using_docker

WITH_DROPLETS = re.compile(r"DockerHypervisor|tests\.local\.|tests\.sandbox\.droplets\.")


def test_all_files_with_droplets_are_in_one_group() -> None:
    files = [*(ROOT / "tests/local").rglob("test_*.py"), *(ROOT / "tests/sandbox/droplets").rglob("test_*.py")]
    assert files
    assert {group(str(path.relative_to(ROOT))) for path in files} == {DROPLETS}


@pytest.mark.parametrize("directory", DOCKER_ALONE)
def test_what_runs_beside_them_has_no_droplet(directory: str) -> None:
    files = list((ROOT / directory).rglob("*.py"))
    assert files
    assert [path for path in files if WITH_DROPLETS.search(path.read_text())] == []
    assert {group(str(path.relative_to(ROOT))) for path in files} == {directory}


def test_the_tests_of_any_other_directory_stay_together() -> None:
    assert group("tests/sandbox/clouds/test_edge.py") == "tests/sandbox/clouds"


def test_docker_is_not_taken_away_while_the_other_worker_uses_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ensure() -> str:
        os.environ["DOCKER_HOST"] = "unix:///own.sock"
        return os.environ["DOCKER_HOST"]

    monkeypatch.setattr(workers, "_LOCK", tmp_path / "lock")
    monkeypatch.setattr(docker_daemon, "ensure", ensure)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    taken = threading.Event()

    def take() -> None:
        with taking_docker_away():
            taken.set()

    taker = threading.Thread(target=take)
    with using_docker() as first, using_docker() as second:
        assert first == second == "unix:///own.sock"
        taker.start()
        assert not taken.wait(0.5)
    taker.join(timeout=30)
    assert taken.is_set()
    assert "DOCKER_HOST" not in os.environ, "other tests ask for it"


SEEDS = """
import pathlib, pytest

@pytest.mark.parametrize("number", range(8))
def test(number, request):
    with pathlib.Path(__file__).with_name("seeds").open("a") as seeds:
        print(request.config.getoption("hypothesis_seed"), file=seeds)
"""


@pytest.mark.parametrize("given", [[], ["--hypothesis-seed=7"]], ids=["drawn", "given"])
def test_all_workers_have_the_seed_that_is_printed(tmp_path: Path, given: list[str]) -> None:
    """Otherwise they choose different tests, and the printed seed repeats nothing."""
    (tmp_path / "test_seeds.py").write_text(SEEDS)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", "2", *given, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (printed,) = re.findall(r"--hypothesis-seed=([0-9]+)", done.stdout.partition("again: ")[2])
    assert set((tmp_path / "seeds").read_text().split()) == {printed}
