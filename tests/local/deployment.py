"""One stack of the real program, driven by the real engine, in the cloud on this machine."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from auren_infra.blueprint import describe
from auren_infra.services.model import Service
from auren_infra.settings import load
from sandbox import environment, layout, pulumi_stack, stack_config

STACK = "rehearsal"
"""Not `local`: whoever has that one up keeps it. Their names and records differ, so the two can stand side by side."""
DROPLET = "digitalocean:index/droplet:Droplet"
DOMAIN = f"{STACK}.aupex.ai"
UP_SECONDS = 900
UP = ("up", "--yes", "--skip-preview", "--non-interactive")


class UpdateFailedError(AssertionError):
    """pulumi ended with an error; the text is all that it printed."""


def called(command: str, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """`python -m auren_infra COMMAND` for this stack, as an operator calls it."""
    return subprocess.run(
        [sys.executable, "-m", "auren_infra", command, *arguments, "--stack", STACK],
        cwd=layout.PROJECT,
        env=environment.complete(STACK),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


@dataclass
class Deployment:
    """The stack `rehearsal`: the local stack's configuration under a domain of its own."""

    config_file: Path
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    """More of the environment, such as an SSH agent's socket, which the sandbox leaves out."""
    project: Path = layout.PROJECT
    """Where the program is."""

    @classmethod
    def make(cls) -> "Deployment":
        source = yaml.safe_load(stack_config.refresh(stack_config.LOCAL).read_text())
        deployment = cls(stack_config.file_in_use(STACK), dict(source["config"]))
        deployment.configure(domain=DOMAIN, vpcRange="10.200.16.0/20")
        pulumi_stack.ensure_stack(STACK)
        return deployment

    def configure(self, **settings: object) -> None:
        """Set `auren:KEY` for the updates that follow; None takes a key away."""
        for key, value in settings.items():
            self.config[f"auren:{key}"] = value
            if value is None:
                del self.config[f"auren:{key}"]
        kept = yaml.safe_load(self.config_file.read_text()) if self.config_file.exists() else {}
        self.config_file.write_text(yaml.safe_dump({**kept, "config": self.config}))

    def services(self) -> tuple[Service, ...]:
        """What the program says that runs on the machine."""
        values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in self.config.items()}
        return describe(load(values)).services

    def image(self, service: str) -> str:
        """The image that the sandbox's registry has for a service."""
        entries = dict(entry.split("=", 1) for entry in self.config["auren:images"])
        return str(entries[service])

    def use_image(self, service: str, reference: str) -> None:
        entries = dict(entry.split("=", 1) for entry in self.config["auren:images"]) | {service: reference}
        self.configure(images=[f"{name}={image}" for name, image in entries.items()])

    def pulumi(self, *arguments: str) -> str:
        """Run `pulumi` as a user would; its output. Raises `UpdateFailedError`."""
        done = subprocess.run(self._command(*arguments), **self._options(), check=False, timeout=UP_SECONDS)
        if done.returncode:
            raise UpdateFailedError(done.stdout)
        return str(done.stdout)

    def begun(self, *arguments: str) -> subprocess.Popen[str]:
        """`pulumi` as it runs, in a session of its own: the engine with the programs that it has started."""
        return subprocess.Popen(self._command(*arguments), **self._options(), start_new_session=True)

    def _command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--color", "never"]

    def _options(self) -> dict[str, Any]:
        return {
            "cwd": self.project,
            "env": environment.complete(STACK) | self.variables,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def up(self, *arguments: str) -> str:
        return self.pulumi(*UP, *arguments)

    def planned(self, *arguments: str) -> dict[str, str]:
        """What a preview would do: resource name -> operation, for all that is not left as it is."""
        steps = json.loads(self.pulumi("preview", "--json", "--non-interactive", *arguments))["steps"]
        return {step["urn"].rsplit("::", 1)[1]: step["op"] for step in steps if step["op"] != "same"}

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "--json", "--show-secrets"))

    def urn(self, kind: str) -> str:
        """The URN of the only resource of a type."""
        (urn,) = (one["urn"] for one in pulumi_stack.resources(STACK) if one["type"] == kind)
        return str(urn)

    def command_urns(self) -> dict[str, str]:
        """Of every command on the machine, by the name that it has there."""
        prefix = f"auren-{STACK}-"
        return {
            str(one["urn"]).rpartition(f"::{prefix}")[2]: str(one["urn"])
            for one in pulumi_stack.resources(STACK)
            if one["type"] == "command:remote:Command"
        }

    def destroy(self) -> str:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--non-interactive")

    def forget(self) -> None:
        """Remove the stack's record; what it made must be gone by then."""
        self.pulumi("stack", "rm", "--yes", "--force", STACK)
        self.config_file.unlink()


@contextlib.contextmanager
def rehearsal() -> Iterator[Deployment]:
    """The stack, not up yet; destroyed and forgotten afterwards."""
    deployment = Deployment.make()
    try:
        yield deployment
    finally:
        try:
            deployment.destroy()
        except UpdateFailedError as error:
            pytest.fail(f"the rehearsal stack could not be destroyed:\n{error}")
        deployment.forget()
