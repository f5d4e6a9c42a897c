"""The inside of a droplet of this machine, past SSH."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engine import BenchError
from sandbox import environment, layout, pulumi_stack, stack_config


@dataclass(frozen=True)
class Droplet:
    id: str

    @property
    def _machine(self) -> str:
        return f"{layout.NAME}-droplet-{self.id}"

    def run(self, *command: str, stdin: str = "", seconds: float = 300) -> str:
        return _docker("exec", "--interactive", self._machine, *command, stdin=stdin, seconds=seconds)

    @contextlib.contextmanager
    def beside(self, *command: str) -> Iterator[None]:
        """The command runs meanwhile. It must have ended by itself when the context ends."""
        whole = ["docker", "exec", self._machine, *command]
        with subprocess.Popen(
            whole, env=environment.complete(stack_config.LOCAL), stdout=subprocess.DEVNULL
        ) as process:
            try:
                yield
                process.wait(10)
            finally:
                process.kill()

    def logins(self) -> int:
        """How many SSH logins it has accepted since it booted."""
        return int(self.run("sh", "-c", "journalctl --unit ssh --boot --output cat | grep -c Accepted || true"))

    def inside(self) -> list[str]:
        """What a command of this machine is prefixed with to be on the droplet's network."""
        process: dict[str, Any] = json.loads(_docker("inspect", "--format", "{{json .State}}", self._machine))
        return ["nsenter", f"--net={Path('/proc', str(process['Pid']), 'ns/net')}"]


def local() -> Droplet:
    """The one of the stack `local`."""
    return Droplet(str(pulumi_stack.outputs(stack_config.LOCAL)["droplet"]["id"]))


def _docker(*arguments: str, stdin: str = "", seconds: float = 60) -> str:
    done = subprocess.run(
        ["docker", *arguments],
        env=environment.complete(stack_config.LOCAL),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    if done.returncode:
        raise BenchError(f"`docker {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout
