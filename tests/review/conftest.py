"""Production as it is deployed, without a machine: the real engine, the simulated APIs, commands that are not sent.

What a preview compares with is only what the state records. So the stack is brought up once by a command plugin that
takes every command for done, and then previewed by the real one.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import environment, layout, pulumi_stack, stack_config
from sandbox.engine import install, write_launcher
from sandbox.engine.build import go
from sandbox.plugins.install import install_plugins
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.running import Clouds

STACK = "prod"
LIMIT = 240
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
GOJQ = "github.com/itchyny/gojq/cmd/gojq@v0.12.17"
"""What GitHub's command line has built in for `--jq`."""
DONE_AT_ONCE = f"""
import runpy, sys
sys.path[0] = {str(layout.PROJECT)!r}
from sandbox.plugins.command.remote import RemoteCommand
async def run(self, operation, command, properties, output): pass
RemoteCommand.run = run
runpy.run_module("sandbox.plugins", run_name="__main__")
"""


@dataclass
class Production:
    """The stack `prod`, deployed."""

    variables: dict[str, str]
    config_file: Path
    clouds: Clouds
    project: Path = layout.PROJECT
    """Where its commands run."""

    def configured(self, changes: Mapping[str, object]) -> "Production":
        """The same stack before another configuration: `auren:KEY` by key."""
        content: dict[str, Any] = yaml.safe_load(self.config_file.read_text())
        content["config"] |= {f"auren:{key}": value for key, value in changes.items()}
        changed = self.config_file.with_name("Pulumi.changed.yaml")
        changed.write_text(yaml.safe_dump(content))
        return replace(
            self, variables=self.variables | {"PULUMI_OPTION_CONFIG_FILE": str(changed)}, config_file=changed
        )

    def run(self, *command: str, status: int = 0, **variables: str) -> str:
        """What the command prints on standard output, once its exit was as expected."""
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.variables | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def images(self) -> dict[str, str]:
        """Each service's image as deployed."""
        outputs = json.loads(self.run("pulumi", "stack", "output", "--json"))
        return {name: service["image"] for name, service in outputs["services"].items()}


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    with deployed(tmp_path_factory.mktemp("production")) as found:
        yield found


@contextmanager
def deployed(state: Path) -> Iterator[Production]:
    """Production with everything of it below `state`; afterwards its clouds are stopped."""
    with undeployed(state) as found:
        # Nothing answers at the address.
        found.configured({"smokeTest": "none"}).run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
        plugin = _command_plugin(state)
        plugin.with_suffix(".real").replace(plugin)
        (state / "bin" / "ssh").unlink()
        yield found


@contextmanager
def undeployed(state: Path) -> Iterator[Production]:
    """Production before its first update. Every command on the machine is taken for done, and so is a lock there."""
    python = Path(sys.executable)
    install(state / "bin", python)
    install_plugins(state / "pulumi", python)
    plugin = _command_plugin(state)
    plugin.rename(plugin.with_suffix(".real"))
    write_launcher(plugin, python, ["-c", DONE_AT_ONCE, "command"])
    write_program(state / "bin" / "ssh", "#!/bin/sh\necho held\nexec cat >/dev/null\n")
    clouds = Clouds(state, FakeHypervisor())
    clouds.start()
    try:
        config_file = stack_config.refresh(STACK, state=state)
        pulumi_stack.ensure_stack(STACK, state=state)
        yield Production(environment.complete(STACK, state) | apis(clouds), config_file, clouds)
    finally:
        clouds.stop()


def apis(clouds: Clouds) -> dict[str, str]:
    """Where the plugins find them. They have another address after each start."""
    return {"DIGITALOCEAN_API_URL": clouds.url, "CLOUDFLARE_BASE_URL": f"{clouds.url}/client/v4"}


def _command_plugin(state: Path) -> Path:
    folder = f"resource-command-v{importlib.metadata.version('pulumi-command')}"
    return state / "pulumi" / "plugins" / folder / "pulumi-resource-command"


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _program(package: str) -> Path:
    """The one on PATH, or one that is built once from this Go package."""
    address, _, version = package.partition("@")
    name = address.rpartition("/")[2]
    if found := shutil.which(name):
        return Path(found)
    built = layout.CACHE / name / version / name
    if not built.exists():
        environment = os.environ | {"GOBIN": str(built.parent), "GOFLAGS": "", "GOTOOLCHAIN": "auto"}
        subprocess.run([str(go(print)), "install", package], env=environment, check=True, timeout=600)
    return built


@pytest.fixture(scope="session")
def actionlint() -> Path:
    return _program(ACTIONLINT)


@pytest.fixture(scope="session")
def jq() -> Path:
    return _program(GOJQ)
