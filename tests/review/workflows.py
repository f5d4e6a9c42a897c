"""The workflows as data, so that what they run can be run here."""

import os
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / ".github" / "workflows"
_GITHUB = """#!/bin/sh
case "$*" in
*/environments/preview/deployment-branch-policies*) echo 'refs/pull/*/merge' ;;
*/deployment-branch-policies*) echo main ;;
*/environments/*) echo 1 ;;
"run list"*) echo false ;;
esac
"""


def workflow(name: str) -> dict[str, Any]:
    """What `NAME.yml` says. YAML takes the key `on` for a truth value."""
    content: dict[Any, Any] = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    return {("on" if key is True else key): value for key, value in content.items()}


def shell(name: str, job: str, step: str) -> tuple[str, ...]:
    """The command line that a runner runs for a step of this name."""
    (found,) = (each for each in workflow(name)["jobs"][job]["steps"] if each.get("name") == step)
    assert "${{" not in found["run"], "an expression in a script is an injection"
    assert workflow(name)["defaults"]["run"]["shell"] == "bash", "without it, a runner leaves out pipefail"
    return ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"])


def github(directory: Path) -> str:
    """Put a stand-in for GitHub's command line there; a PATH with it.

    It answers as if the environments were set up as documented and no deployment ran.
    """
    (directory / "gh").write_text(_GITHUB)
    (directory / "gh").chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"
