"""The project's stacks in this machine's own backend: creates missing ones, and destroys them before the cloud."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from sandbox import environment, layout, stack_config

INIT_SECONDS = 120
DESTROY_SECONDS = 900


class StackError(RuntimeError):
    """pulumi failed; the text holds its output."""


def project_name(project: Path) -> str:
    return str(yaml.safe_load((project / "Pulumi.yaml").read_text())["name"])


def named(stack: str, project: Path = layout.PROJECT) -> str:
    """The stack's own name, of any of those that the engine prints for it, such as `organization/auren/local`."""
    own = project_name(project)
    *above, name = stack.split("/")
    if above not in ([], [own], ["organization"], ["organization", own]):
        raise StackError(f"{stack} is no stack of this project, which is {own}: write it like {stack_config.LOCAL}.")
    return name


def ensure_stack(stack: str, project: Path = layout.PROJECT, state: Path = layout.STATE) -> None:
    """Make the stack in the backend unless it is there: without one, pulumi asks or refuses.

    `pulumi stack init` writes the passphrase's salt into the project's `Pulumi.STACK.yaml`, whichever configuration
    file it is given. So it is run on a copy of the project's description, and the salt goes into the file in use.
    """
    if _checkpoint(stack, project, state).exists():
        return
    (state / "backend").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stack-", dir=state) as directory:
        copy = Path(directory)
        shutil.copy(project / "Pulumi.yaml", copy)
        stack_config.copy_salt(stack_config.file_in_use(stack, state), copy / f"Pulumi.{stack}.yaml")
        variables = environment.complete(stack, state) | {"PULUMI_STACK": ""}
        del variables["PULUMI_OPTION_CONFIG_FILE"]
        done = subprocess.run(
            ["pulumi", "stack", "init", stack, "--non-interactive", "--color", "never"],
            cwd=copy,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=INIT_SECONDS,
        )
        if done.returncode and "already exists" not in done.stderr:
            raise StackError(f"The stack {stack} cannot be created:\n{(done.stdout + done.stderr).strip()}")
        stack_config.copy_salt(copy / f"Pulumi.{stack}.yaml", stack_config.file_in_use(stack, state))


def resources(stack: str, project: Path = layout.PROJECT, state: Path = layout.STATE) -> list[dict[str, Any]]:
    """The resources in the stack's state file, without the stack itself and providers."""
    return [one for one in _recorded(stack, project, state) if not str(one["type"]).startswith("pulumi:")]


def outputs(stack: str, project: Path = layout.PROJECT, state: Path = layout.STATE) -> dict[str, Any]:
    """The stack's outputs in its state file: secrets are encrypted, other values are plain."""
    for one in _recorded(stack, project, state):
        if one["type"] == "pulumi:pulumi:Stack":
            return one.get("outputs") or {}
    return {}


def destroy(stack: str, say: Callable[[str], None], project: Path = layout.PROJECT, state: Path = layout.STATE) -> None:
    """`pulumi destroy` of the whole stack, with a time limit. Its lines are printed."""
    command = ["pulumi", "destroy", "--yes", "--non-interactive", "--color", "never", "--skip-preview"]
    command = ["timeout", "--kill-after=20", "--signal=INT", str(DESTROY_SECONDS), *command]
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=project,
        env=environment.complete(stack, state),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                lines.append(line.rstrip())
                say(lines[-1])
    if process.returncode == 124:
        raise StackError(f"`pulumi destroy` was not done after {DESTROY_SECONDS} s.")
    if process.returncode:
        raise StackError("`pulumi destroy` failed; what it said last:\n" + "\n".join(lines[-15:]))


def _checkpoint(stack: str, project: Path, state: Path) -> Path:
    return state / "backend" / ".pulumi" / "stacks" / project_name(project) / f"{stack}.json"


def _recorded(stack: str, project: Path, state: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(_checkpoint(stack, project, state).read_text())
    except FileNotFoundError:
        return []
    return ((document.get("checkpoint") or {}).get("latest") or {}).get("resources") or []
