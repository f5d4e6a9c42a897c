"""propose.sh, which a workflow runs, with real git, the real command, and a stand-in for GitHub's command line."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from auren_infra.services.model import IMAGE_FILES
from tests.unit.configuration import DIGEST, ROOT

SCRIPT = ROOT / ".github" / "scripts" / "propose.sh"
FROM = "https://github.com/auren-ai/auren-api/commit/1234"
API = f"api=ghcr.io/auren-ai/auren-api:1.1.0@{DIGEST}"
BRIDGE = f"bridge=ghcr.io/auren-ai/biometric-bridge:1.1.0@{DIGEST}"
GITHUB = """#!/bin/sh
case "$1 $2" in
"pr list") cat "$OPEN" ;;
*) printf '%s\\n' "$@" >>"$SAID" ;;
esac
"""


class Repository:
    """A clone of this repository, as far as the script sees of it, and where it pushes to."""

    def __init__(self, place: Path) -> None:
        self.clone, self.origin, self.said, self.open = (place / name for name in ("clone", "origin", "said", "open"))
        self.open.touch()
        self.said.touch()
        binaries = self.clone / ".venv" / "bin"
        binaries.mkdir(parents=True)
        for path, text in (
            (place / "gh", GITHUB),
            (binaries / "python", f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n'),
        ):
            path.write_text(text)
            path.chmod(0o755)
        self._environment = os.environ | {
            "PATH": f"{place}:{os.environ['PATH']}",
            "OPEN": str(self.open),
            "SAID": str(self.said),
            "PULUMI_OPTION_CONFIG_FILE": str(self.clone / "Pulumi.prod.yaml"),
        }
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        self.git("init", "--quiet", "--initial-branch=main")
        (self.clone / ".gitignore").write_text(".venv\n")
        (self.clone / "Pulumi.prod.yaml").write_text((ROOT / "Pulumi.prod.yaml").read_text())
        self.git("add", "--all")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "Begin")
        self.git("remote", "add", "origin", str(self.origin))
        self.git("push", "--quiet", "origin", "main")

    def git(self, *arguments: str) -> str:
        return self._run("git", *arguments).stdout

    def propose(self, *images: str, status: int = 0, stack: str = "prod") -> str:
        """What it prints, on both streams."""
        self.git("switch", "--quiet", "main")
        done = self._run(str(SCRIPT), stack, FROM, *images, status=status)
        return done.stdout + done.stderr

    def images(self, branch: str) -> list[str]:
        text = self.git("-C", str(self.origin), "show", f"{branch}:Pulumi.prod.yaml")
        return yaml.safe_load(text)["config"]["auren:images"]

    def _run(self, *command: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            command, cwd=self.clone, env=self._environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_pull_request_changes_the_line_and_says_where_the_image_comes_from(repository: Repository) -> None:
    repository.propose(API)
    assert repository.images("release/prod/api")[0] == API
    said = repository.said.read_text()
    assert said.startswith("pr\ncreate\n--head\nrelease/prod/api\n--base\nmain\n--title\nRelease api to prod\n")
    assert f"From {FROM}." in said
    assert f"api: ghcr.io/auren-ai/auren-api:1.0.0 -> {API.partition('=')[2]}" in said
    log = repository.git("-C", str(repository.origin), "log", "--format=%an %s", "release/prod/api")
    assert log.splitlines() == ["auren-release Release api to prod", "a Begin"]


def test_an_open_one_of_the_same_services_is_brought_up_to_date(repository: Repository) -> None:
    repository.propose(BRIDGE, API)
    repository.open.write_text("7\n")
    newer = API.replace("1.1.0", "1.2.0")
    repository.propose(newer, BRIDGE, "")
    assert repository.images("release/prod/api+bridge") == [newer, BRIDGE]
    assert "pr\nedit\n7\n--title\nRelease api+bridge to prod\n" in repository.said.read_text()
    log = repository.git("-C", str(repository.origin), "log", "--format=%s", "release/prod/api+bridge")
    assert log.splitlines() == ["Release api+bridge to prod", "Begin"]


def test_images_that_are_there_already_need_none(repository: Repository) -> None:
    repository.propose(API)
    repository.git("push", "--quiet", "origin", "release/prod/api:main")
    repository.git("switch", "--quiet", "main")
    repository.git("reset", "--quiet", "--hard", "release/prod/api")
    repository.said.write_text("")
    assert "names these images already" in repository.propose(API)
    assert repository.said.read_text() == ""


def test_a_proposal_is_closed_when_the_image_before_it_is_released_again(repository: Repository) -> None:
    """Its merge would have taken that back."""
    repository.propose(API)
    repository.git("push", "--quiet", "origin", "release/prod/api:main")
    repository.git("switch", "--quiet", "main")
    repository.git("reset", "--quiet", "--hard", "release/prod/api")
    repository.propose(API.replace("1.1.0", "1.2.0"))
    repository.open.write_text("7\n")
    repository.propose(API)
    assert repository.said.read_text().splitlines()[-5:-1] == ["pr", "close", "7", "--comment"]


def test_the_stack_by_its_whole_name_has_the_same_branch(repository: Repository) -> None:
    repository.propose(API, stack="organization/auren/prod")
    assert repository.images("release/prod/api")[0] == API


def test_an_image_that_is_refused_ends_it_with_the_reason(repository: Repository) -> None:
    said = repository.propose("api=ghcr.io/auren-ai/auren-api:1.1.0", status=1)
    assert "has no digest" in said
    assert repository.said.read_text() == ""
    assert repository.git("-C", str(repository.origin), "branch", "--list").split() == ["*", "main"]


def test_a_release_of_the_dashboard_is_one_more_line_for_the_website(repository: Repository) -> None:
    website = f"website=ghcr.io/auren-ai/auren-dashboard:1.0.0@{DIGEST}"
    before = repository.images("main")
    repository.propose(website)
    assert repository.images("release/prod/website") == [*before, website]
    assert "Release website to prod" in repository.said.read_text()


EXAMPLES = {"application": "api", "dashboard": "website"}


@pytest.fixture(params=EXAMPLES)
def called(request: pytest.FixtureRequest) -> Callable[[str], str]:
    example = ROOT / "examples" / request.param / ".github" / "workflows" / "release.yml"
    content = yaml.safe_load(example.read_text())
    assert content["jobs"]["propose"]["with"]["images"].startswith(f"{EXAMPLES[request.param]}=${{{{ ")
    return lambda key: str(content["jobs"]["propose"][key])


def test_the_dashboards_image_has_its_files_where_they_are_looked_for() -> None:
    last = (ROOT / "examples/dashboard/Dockerfile").read_text().splitlines()[-1]
    assert last.endswith(f" {IMAGE_FILES}")


def test_the_example_calls_the_workflow_with_what_it_takes(called: Callable[[str], str]) -> None:
    content = yaml.safe_load((ROOT / ".github" / "workflows" / "propose.yml").read_text())
    takes = content[True]["workflow_call"]
    assert called("uses").endswith("/.github/workflows/propose.yml@main")
    required = {name for name, about in takes["inputs"].items() if about.get("required")}
    example = yaml.safe_load(called("with"))
    assert required <= example.keys() <= takes["inputs"].keys()
    assert yaml.safe_load(called("secrets")).keys() == takes["secrets"].keys()
