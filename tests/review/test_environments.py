"""Who can use the secrets: docs/day.md, the workflows and the nightly check of GitHub's settings say the same."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auren_infra.access import digitalocean
from tests.review.test_workflows import JOBS, OPENING
from tests.review.workflows import FOLDER, github, workflow

ROOT = FOLDER.parents[1]
SCRIPT = ROOT / ".github" / "scripts" / "environments.sh"
NAMES = ("preview", "drift", "production")
EVENTS = {
    "a pull request": {"pull_request"},
    "the clock, by hand": {"schedule", "workflow_dispatch"},
    "a merge, by hand": {"push", "workflow_dispatch"},
}


def _table() -> dict[str, dict[str, str]]:
    """The rows by their heads, each by the names of the environments."""
    lines = (ROOT / "docs" / "day.md").read_text().splitlines()
    start = lines.index("| | `preview` | `drift` | `production` |")
    rows: dict[str, dict[str, str]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        head, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
        rows[head] = dict(zip(NAMES, cells, strict=True))
    return rows


TABLE = _table()


def _environment(job: dict[str, Any]) -> str | None:
    found = job.get("environment")
    return found["name"] if isinstance(found, dict) else found


USING = {name: [(job, content) for job, content in JOBS.items() if _environment(content) == name] for name in NAMES}


def test_each_environment_is_used_by_the_workflow_of_the_table() -> None:
    used = {name: [f"`{job.partition('/')[0]}.yml`" for job, _ in using] for name, using in USING.items()}
    assert used == {name: [cell] for name, cell in TABLE["used by"].items()}
    with_one = [job for job, content in JOBS.items() if _environment(content)]
    assert len(with_one) == len(NAMES), "no other job has an environment"


@pytest.mark.parametrize("name", NAMES)
def test_it_is_started_by_what_the_table_says_and_runs_that_code(name: str) -> None:
    ((job, content),) = USING[name]
    events = workflow(job.partition("/")[0])["on"]
    assert set(events) == EVENTS[TABLE["started by"][name]]
    if "push" in events:
        assert events["push"] == {"branches": ["main"]}
    # Without a reference, the checkout is of the commit that the event is about.
    checkouts = [step for step in content["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"] for step in checkouts] == [{"persist-credentials": False}]
    assert TABLE["runs the code of"][name] == ("the pull request" if "pull_request" in events else "`main`")


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_secrets_of_the_table_and_no_others(name: str) -> None:
    ((_, content),) = USING[name]
    used = set(re.findall(r"secrets\.(\w+)", json.dumps(content)))
    named = {
        secret for head, cells in TABLE.items() if cells[name] != "none" for secret in re.findall(r"`(\w+)`", head)
    }
    assert used == named


@pytest.mark.parametrize("name", NAMES)
def test_only_a_run_that_the_table_says_opens_ssh_does(name: str) -> None:
    ((job, _),) = USING[name]
    assert TABLE["opens SSH to its runner"][name].startswith("while it") == (job in OPENING)
    assert TABLE["opens SSH to its runner"][name] in ("no", "while it looks", "while it deploys")


def test_the_nightly_looks_token_has_the_scopes_that_an_opening_needs() -> None:
    needed = set(re.findall(r"[a-z]+:[a-z]+", digitalocean.SCOPES))
    assert set(re.findall(r"`([a-z]+:[a-z]+)`", TABLE["`DIGITALOCEAN_TOKEN`"]["drift"])) == {
        scope for scope in needed if not scope.endswith(":read")
    }
    assert "all that read" in TABLE["`DIGITALOCEAN_TOKEN`"]["drift"]


def test_the_nightly_check_asks_for_what_the_table_says() -> None:
    asked = re.findall(r"^    guarded (\w+) (\S+) (\w+)$", SCRIPT.read_text(), re.MULTILINE)
    assert asked == [
        (
            name,
            re.sub(r"^refs.*", r"'\g<0>'", TABLE["deployment branches"][name].strip("`")),
            "no" if TABLE["required reviewers"][name] == "none" else "yes",
        )
        for name in NAMES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_code_that_nobody_has_read_yet_waits_for_a_reviewer(name: str) -> None:
    assert TABLE["runs the code of"][name] == "`main`" or TABLE["required reviewers"][name] != "none"
    assert TABLE["can change"][name] == "nothing" or TABLE["deployment branches"][name] == "`main`"


REVIEWED = {"type": "required_reviewers", "prevent_self_review": False, "reviewers": [{"type": "Team", "reviewer": {}}]}
SETTINGS: dict[str, Any] = {
    "preview": {"protection_rules": [REVIEWED, {"type": "branch_policy"}]},
    "drift": {"protection_rules": [{"type": "branch_policy"}]},
    "production": {"protection_rules": [{"type": "wait_timer", "wait_timer": 30}, REVIEWED, {"type": "branch_policy"}]},
    "preview/deployment-branch-policies": {"branch_policies": [{"name": "refs/pull/*/merge"}]},
    "drift/deployment-branch-policies": {"branch_policies": [{"name": "main"}]},
    "production/deployment-branch-policies": {"branch_policies": [{"name": "main"}]},
}
"""GitHub's own answers, as far as they are asked for."""


@pytest.fixture
def check(tmp_path: Path, jq: Path) -> Callable[[dict[str, Any]], tuple[int, str]]:
    """What the nightly check says of settings like these. What is not there is a 404 of GitHub's."""
    path = github(tmp_path)
    (tmp_path / "gh").write_text(
        '#!/bin/sh\ncd "$ANSWERS"; name=$(echo "${2#*/environments/}" | tr / +)\n'
        '[ -e "$name" ] || { echo \'{"message":"Not Found"}\'; echo "gh: Not Found (HTTP 404)" >&2; exit 1; }\n'
        f'{jq} --raw-output "$4" <"$name"\n'
    )

    def said(settings: dict[str, Any]) -> tuple[int, str]:
        answers = tmp_path / "answers"
        answers.mkdir()
        for name, answer in settings.items():
            (answers / name.replace("/", "+")).write_text(json.dumps(answer))
        environment = {"PATH": path, "ANSWERS": str(answers)}
        done = subprocess.run(
            [SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stdout

    return said


Check = Callable[[dict[str, Any]], tuple[int, str]]


def test_settings_as_documented_are_right(check: Check) -> None:
    assert check(SETTINGS) == (0, "The environments are guarded as documented.\n")


@pytest.mark.parametrize("name", ["preview", "production"])
def test_an_environment_without_reviewers_is_found(check: Check, name: str) -> None:
    """Also one that GitHub created by itself, or that lost its rule with the repository's plan."""
    status, said = check(SETTINGS | {name: {"protection_rules": [{"type": "branch_policy"}]}})
    assert status == 1
    assert said.startswith(
        f"The environment {name} has no required reviewers: its secrets are given without an approval."
    )
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("branches", [[], ["feature/*"], ["main", "release/*"], ["*"]], ids=str)
def test_an_environment_for_other_branches_is_found(check: Check, name: str, branches: list[str]) -> None:
    policies = {"branch_policies": [{"name": branch} for branch in branches]}
    status, said = check(SETTINGS | {f"{name}/deployment-branch-policies": policies})
    assert status == 1
    assert f"The environment {name} is not limited to " in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_for_every_branch_is_found(check: Check, name: str) -> None:
    """GitHub has no list of branches then."""
    status, said = check({key: value for key, value in SETTINGS.items() if key != f"{name}/deployment-branch-policies"})
    assert status == 1
    assert "it names no branch. Repair: Settings, Environments, " in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_that_is_not_there_is_found_beside_the_others(check: Check, name: str) -> None:
    status, said = check({key: value for key, value in SETTINGS.items() if not key.startswith(name)})
    assert status == 1
    assert said.startswith(f"The environment {name} cannot be read: does it exist?")
    assert said.count("\n") == 1
