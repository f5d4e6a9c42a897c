"""What GitHub would do with the workflows, as far as it can be told without it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import layout
from sandbox.engine.build import go
from tests.review.workflows import FOLDER, shell, workflow

ROOT = FOLDER.parents[1]
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
TITLE = "Production differs from what was deployed"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """The one on PATH, or one that is built once."""
    if found := shutil.which("actionlint"):
        return Path(found)
    built = layout.CACHE / "actionlint" / ACTIONLINT.rpartition("@")[2] / "actionlint"
    if not built.exists():
        environment = os.environ | {"GOBIN": str(built.parent), "GOFLAGS": "", "GOTOOLCHAIN": "auto"}
        subprocess.run([str(go(print)), "install", ACTIONLINT], env=environment, check=True, timeout=600)
    return built


def test_actionlint_accepts_them(actionlint: Path) -> None:
    """It has their scripts judged by shellcheck as well, which stands beside this Python."""
    environment = os.environ | {"PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [actionlint, *sorted(FOLDER.glob("*.yml"))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in NAMES:
        for job, content in workflow(name)["jobs"].items():
            yield f"{name}/{job}", content


JOBS = dict(jobs())


def steps() -> list[dict[str, Any]]:
    prepare = (ROOT / ".github/actions/prepare/action.yml").read_text()
    prepared = ({"uses": used} for used in re.findall(r"uses: (\S+)", prepare))
    return [*prepared, *(step for job in JOBS.values() for step in job["steps"])]


def test_every_action_is_pinned() -> None:
    used = {step["uses"] for step in steps() if "uses" in step}
    assert len(used) > 5
    assert [each for each in used if not PINNED.fullmatch(each) and not each.startswith("./")] == []


@pytest.mark.parametrize("name", JOBS)
def test_no_job_has_both_secrets_and_the_right_to_write(name: str) -> None:
    job = JOBS[name]
    granted = job.get("permissions", workflow(name.partition("/")[0])["permissions"])
    if any(right == "write" for right in granted.values()):
        assert "secrets." not in json.dumps(job)
        assert "checkout" not in json.dumps(job), "whoever may write runs no code of a pull request"


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_taken_from_an_environment_and_never_in_a_forks_pull_request(name: str) -> None:
    content = workflow(name)
    assert "pull_request_target" not in content["on"]
    for job in content["jobs"].values():
        if "secrets." in json.dumps(job):
            assert job["environment"]
            if "pull_request" in content["on"]:
                assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_updates_and_looks_never_run_at_the_same_time() -> None:
    groups = [JOBS[name]["concurrency"] for name in ("deploy/up", "drift/look")]
    assert groups == [{"group": "prod", "cancel-in-progress": False}] * 2


@pytest.fixture
def tell(tmp_path: Path) -> Callable[..., list[str]]:
    """What the nightly look asks GitHub for: in place of its command line, a script that notes its arguments."""
    said = tmp_path / "said"
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\necho "$*" >>{said}\ncase "$1 $2" in "issue list") echo "$OPEN" ;; esac\n')
    gh.chmod(0o755)

    def told(found: str, open_issue: str) -> list[str]:
        environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FOUND": found, "OPEN": open_issue}
        subprocess.run(shell("drift", "tell", "Tell"), cwd=tmp_path, env=environment, check=True, timeout=30)
        return [line for line in said.read_text().splitlines() if not line.startswith(("label", "issue list"))]

    return told


@pytest.mark.parametrize(
    ("found", "open_issue", "expected"),
    [
        ("yes", "", [f"issue create --title {TITLE} --label drift --body-file report.md"]),
        ("yes", "12", ["issue edit 12 --body-file report.md"]),
        ("no", "12", ["issue close 12 --comment Clouds and machine are what was deployed, again."]),
        ("no", "", []),
    ],
)
def test_one_issue_is_opened_and_closed(
    tell: Callable[..., list[str]], found: str, open_issue: str, expected: list[str]
) -> None:
    assert tell(found, open_issue) == expected
