"""What GitHub would do with the workflows, as far as it can be told without it."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.review.workflows import FOLDER, shell, workflow

ROOT = FOLDER.parents[1]
NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
TITLE = "The nightly look has findings"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


EXAMPLES = sorted(ROOT.glob("examples/*/.github/workflows/release.yml"))


def test_actionlint_accepts_them(actionlint: Path) -> None:
    """It has their scripts judged by shellcheck as well, which stands beside this Python."""
    environment = os.environ | {"PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [actionlint, *sorted(FOLDER.glob("*.yml")), *EXAMPLES],
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
        if used := set(re.findall(r"secrets\.(\w+)", json.dumps(job))):
            if called := content["on"].get("workflow_call") if isinstance(content["on"], dict) else None:
                assert used == called["secrets"].keys(), "they are of the repository that calls it"
                continue
            assert job["environment"]
            if "pull_request" in content["on"]:
                assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_no_workflow_cancels_another_or_takes_the_place_of_one_that_waits() -> None:
    """One run of a group runs or waits for its approval, one more waits behind it, and a third takes its place."""
    groups = {
        name: content["concurrency"] for name in NAMES for content in (workflow(name),) if "concurrency" in content
    } | {name: job["concurrency"] for name, job in JOBS.items() if "concurrency" in job}
    assert groups == {
        "deploy/up": {"group": "deploy", "cancel-in-progress": False},
        "drift": {"group": "drift", "cancel-in-progress": False},
        "official": {"group": "official-${{ github.ref }}", "cancel-in-progress": False},
        # A push takes back the approval of the commit before.
        "propose/propose": {"group": "propose-${{ inputs.stack }}", "cancel-in-progress": False},
        "preview": {"group": "preview-${{ github.event.pull_request.number }}", "cancel-in-progress": True},
    }


OPENING = {name: job for name, job in JOBS.items() if "auren_infra access open" in json.dumps(job)}


def test_the_jobs_that_log_in_to_the_machine_are_those_that_open_ssh() -> None:
    assert list(OPENING) == ["deploy/up", "drift/look"]
    for name in JOBS.keys() - OPENING.keys() - {"official/rehearsal"}:  # its machine is in the runner
        assert "auren_infra drift" not in json.dumps(JOBS[name])
        assert "pulumi up" not in json.dumps(JOBS[name])


@pytest.mark.parametrize("name", OPENING)
def test_ssh_is_closed_again_also_when_a_step_fails_or_the_run_is_cancelled(name: str) -> None:
    scripts = [step.get("run", "") for step in OPENING[name]["steps"]]
    (opened,) = (number for number, script in enumerate(scripts) if "auren_infra access open" in script)
    (closed,) = (number for number, script in enumerate(scripts) if "auren_infra access close" in script)
    calls = ("pulumi up", "auren_infra drift", "auren_infra backup")
    needing = [number for number, script in enumerate(scripts) if any(call in script for call in calls)]
    assert opened < min(needing) <= max(needing) < closed
    assert closed == len(scripts) - 1, "nothing that fails behind it leaves it out"
    opening, closing = OPENING[name]["steps"][opened], OPENING[name]["steps"][closed]
    # It also runs when the opening was cut: then the firewall may be there.
    assert closing["if"] == f"${{{{ always() && steps.{opening['id']}.outcome != 'skipped' }}}}"
    assert closing["env"] == opening["env"]
    stacks = [re.findall(r"--stack \S+|--for \S+", step["run"]) for step in (opening, closing)]
    assert stacks == [['--stack "$STACK"']] * 2


@pytest.mark.parametrize("name", OPENING)
def test_an_opening_outlives_its_job_by_a_few_minutes(name: str) -> None:
    """Shorter, another job would close it for being past its time. Longer, it would stay open for nothing."""
    (minutes,) = re.findall(r"--minutes (\d+)", json.dumps(OPENING[name]))
    assert 5 <= int(minutes) - OPENING[name]["timeout-minutes"] <= 10


TOOLS = ("pulumi", ".venv/bin/python", ".github/scripts/environments.sh")
NIGHT = "2026-11-25T03:17:00Z"


@pytest.fixture
def look(tmp_path: Path, jq: Path) -> Callable[..., str]:
    """Whether the nightly look finds something. In place of what it calls: scripts that end as they are told to."""
    for name in TOOLS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('#!/bin/sh\necho "$0 $*"\ncase "$0 $*" in *"$DIFFERS"*) exit 1 ;; esac\n')
        path.chmod(0o755)
    stubs = {"date": f"echo {NIGHT}", "gh": f'while [ "$1" != --jq ]; do shift; done; echo "$RUNS" | {jq} "$2"'}
    for name, body in stubs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "opened").write_text("SSH of prod is open\nClosed: the opening for x; it was past its time, 02:00.\n")

    def found(differs: str = "nothing", runs: tuple[dict[str, str], ...] = ()) -> str:
        runner = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"), "STACK": "prod"}
        told = {"DIFFERS": differs, "RUNS": json.dumps(runs), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run(
            shell("drift", "look", "Look"), cwd=tmp_path, env=os.environ | runner | told, check=True, timeout=30
        )
        return (tmp_path / "output").read_text().splitlines()[-1].removeprefix("found=")

    return found


def test_the_nightly_look_finds_nothing_where_nothing_differs(look: Callable[..., str], tmp_path: Path) -> None:
    assert look() == "no"
    report = (tmp_path / "report.md").read_text()
    assert [line for line in report.splitlines() if line.startswith("### ")] == [
        "### The clouds",
        "### What is left over",
        "### The machine",
        "### The backups",
        "### Who is let in",
        "### Who may use the secrets",
    ]
    assert "it was past its time" in report, "an opening that its own job did not close"


@pytest.mark.parametrize(
    "differs",
    [
        *("refresh", "auren_infra leftovers", "auren_infra drift", "auren_infra backup check"),
        *("auren_infra access check", "environments.sh"),
    ],
)
def test_each_part_of_the_nightly_look_counts(look: Callable[..., str], differs: str) -> None:
    assert look(differs) == "yes"


@pytest.mark.parametrize(
    ("status", "updated", "found"),
    [
        ("completed", "2026-11-25T03:16:59Z", "yes"),
        ("completed", "2026-11-25T03:18:00Z", "unknown"),
        ("in_progress", "2026-11-25T03:00:00Z", "unknown"),
        ("waiting", "2026-11-25T03:18:00Z", "yes"),
        ("queued", "2026-11-24T03:18:00Z", "yes"),
    ],
)
def test_a_look_while_a_deployment_changes_things_does_not_count(
    look: Callable[..., str], status: str, updated: str, found: str
) -> None:
    """The two are in groups of their own, so they can meet. One that waits for its approval changes nothing."""
    older = {"status": "completed", "updatedAt": "2026-11-24T03:17:00Z"}
    assert look("refresh", ({"status": status, "updatedAt": updated}, older)) == found


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
        ("no", "12", ["issue close 12 --comment The nightly look finds nothing any more."]),
        ("no", "", []),
        ("unknown", "12", []),
        ("unknown", "", []),
    ],
)
def test_one_issue_is_opened_and_closed(
    tell: Callable[..., list[str]], found: str, open_issue: str, expected: list[str]
) -> None:
    assert tell(found, open_issue) == expected
