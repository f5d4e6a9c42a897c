"""A throw-away Pulumi project, run by the real engine with the sandbox's language host and plugins."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from sandbox.engine import install
from sandbox.plugins.install import install_plugins

LIMIT = 120
PROJECT = """\
name: trial
runtime:
  name: python
config:
  greeting: {type: string, default: hello}
"""


@dataclass
class Project:
    """One project with one stack, `local`; its commands are the ones that an operator types."""

    folder: Path
    environment: dict[str, str]

    @classmethod
    def create(cls, folder: Path, **environment: str) -> "Project":
        """A project below `folder` with its stack, both of nothing yet."""
        project = cls.prepare(folder, **environment)
        project.run("stack", "init", "local")
        return project

    @classmethod
    def prepare(cls, folder: Path, **environment: str) -> "Project":
        """Engine, plugins, state and passphrase below `folder`; nothing of the caller's Pulumi settings is seen."""
        python = Path(sys.executable)
        install(folder / "bin", python)
        install_plugins(folder / "home", python)
        for name in ("state", "program"):
            (folder / name).mkdir()
        (folder / "program" / "Pulumi.yaml").write_text(PROJECT)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_") and k != "SSH_AUTH_SOCK"}
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        settings = {
            "PATH": path,
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_STACK": "local",
            "PULUMI_OPTION_CONFIG_FILE": str(folder / "Pulumi.local.yaml"),
        }
        return cls(folder, inherited | settings | environment)

    def write(self, program: str) -> None:
        (self.folder / "program" / "__main__.py").write_text(dedent(program))

    def run(self, *arguments: str, fails: bool = False) -> str:
        """The output of `pulumi ARGUMENTS`, both streams, once its exit was as expected."""
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        done = subprocess.run(
            command,
            cwd=self.folder / "program",
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def up(self, *arguments: str, fails: bool = False) -> str:
        return self.run("up", "--yes", "--skip-preview", *arguments, fails=fails)

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.run("stack", "output", "--json", "--show-secrets").strip())

    def state(self) -> str:
        """The state file as it lies on the disk, secrets encrypted."""
        return next((self.folder / "state").rglob("local.json")).read_text()

    def resource(self, name: str) -> dict[str, Any]:
        resources = json.loads(self.state())["checkpoint"]["latest"]["resources"]
        return next(each for each in resources if each["urn"].endswith(f"::{name}"))
