"""The Pulumi engine at work: on the stack that is up here, and on programs of the bench's own."""

import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from sandbox import cloud_server, environment, layout, pulumi_stack, stack_config

PROGRAMS = Path(__file__).with_name("programs")
STACK = "bench"
LIMIT_SECONDS = 900
_TO_CREATE = re.compile(r"^\s+\+ (\d+) to create", re.MULTILINE)


class BenchError(RuntimeError):
    """Nothing can be measured; the text says why and what to do."""


@dataclass(frozen=True)
class Pulumi:
    """A project and one stack of it. What `pulumi` prints is returned; a failure raises `BenchError` with it."""

    project: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pulumi", *arguments, "--color", "never"],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        if done.returncode:
            raise BenchError(f"`pulumi {' '.join(arguments)}` failed:\n{done.stdout}")
        return done.stdout

    def preview(self, *options: str) -> str:
        return self.run("preview", "--non-interactive", *options)

    def up(self, *options: str) -> str:
        return self.run("up", "--yes", "--non-interactive", *options)

    def update(self, *options: str) -> str:
        """`up` without the preview before it."""
        return self.up("--skip-preview", *options)

    @property
    def configuration_file(self) -> Path:
        return Path(self.environment["PULUMI_OPTION_CONFIG_FILE"])

    def configuration(self) -> dict[str, Any]:
        return yaml.safe_load(self.configuration_file.read_text()).get("config") or {}

    def configured(self, file: Path, changes: Mapping[str, object]) -> "Pulumi":
        """The same stack with another configuration, by full keys, kept in `file`; nobody's own file is changed."""
        known = yaml.safe_load(self.configuration_file.read_text())
        file.write_text(yaml.safe_dump({**known, "config": {**self.configuration(), **changes}}))
        return replace(self, environment={**self.environment, "PULUMI_OPTION_CONFIG_FILE": str(file)})


def local() -> Pulumi:
    """The stack `local`, which is up and as the program says. Raises `BenchError` when it is not."""
    if cloud_server.health() is None or not pulumi_stack.outputs(stack_config.LOCAL):
        raise BenchError("There is nothing to measure: `make up` first, and leave it up.")
    stack_config.refresh(stack_config.LOCAL)
    stack = Pulumi(layout.PROJECT, environment.complete(stack_config.LOCAL))
    try:
        stack.preview("--expect-no-changes")
    except BenchError as error:
        raise BenchError(f"The stack local is not as the program says: `make up` first.\n{error}") from error
    return stack


def version() -> str:
    return Pulumi(layout.PROJECT, environment.complete(stack_config.LOCAL)).run("version").strip()


@contextlib.contextmanager
def program(name: str) -> Iterator[Pulumi]:
    """`programs/NAME.py` as a project with a stack and a backend of its own, all gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"auren-bench-{name}-") as directory:
        project = Path(directory)
        shutil.copy(PROGRAMS / f"{name}.py", project / "__main__.py")
        runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
        (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": f"bench-{name}", "runtime": runtime}))
        (project / "backend").mkdir()
        variables = environment.complete(stack_config.LOCAL) | {
            "PULUMI_BACKEND_URL": f"file://{project / 'backend'}",
            "PULUMI_STACK": STACK,
            "PULUMI_OPTION_CONFIG_FILE": str(project / f"Pulumi.{STACK}.yaml"),
            "PYTHONPATH": str(layout.PROJECT),
        }
        # `stack init` writes the stack's salt into the file of the stack's own name, and takes no other.
        bare = {
            key: value for key, value in variables.items() if key not in {"PULUMI_STACK", "PULUMI_OPTION_CONFIG_FILE"}
        }
        Pulumi(project, bare).run("stack", "init", STACK, "--non-interactive")
        yield Pulumi(project, variables)


def to_create(preview: str) -> int:
    """How many resources a preview's summary says that it would make."""
    found = _TO_CREATE.search(preview)
    if found is None:
        raise BenchError(f"this preview makes nothing:\n{preview}")
    return int(found[1])
