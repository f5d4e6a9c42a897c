"""The droplet's inside, looked at past SSH: what its sshd counts must be the program's own connections."""

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auren_infra.files import paths
from sandbox import layout

COMPOSE = ("docker", "compose", "--file", "/opt/auren/docker-compose.prod.yml")
_HEALTHS = (
    'docker ps --all --quiet --filter label=com.docker.compose.project=auren | xargs -r docker inspect --format "'
    '{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"'
)


def wait_for(question: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(1)


@dataclass(frozen=True)
class Host:
    droplet: str

    @property
    def container(self) -> str:
        return f"{layout.NAME}-droplet-{self.droplet}"

    def command(self, *command: str) -> list[str]:
        """As this machine runs it; what it is given on its standard input reaches the droplet."""
        return ["docker", "exec", "--interactive", self.container, *command]

    def run(self, *command: str, stdin: str = "", check: bool = True, seconds: float = 120) -> str:
        done = subprocess.run(
            self.command(*command), input=stdin, capture_output=True, text=True, check=False, timeout=seconds
        )
        if check and done.returncode:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def run_script(self, script: Path, *arguments: str) -> Any:
        """Run a Python script with the droplet's own Python; the JSON that it prints."""
        return json.loads(self.run("python3", "-", *arguments, stdin=script.read_text()))

    def logins(self) -> int:
        """How many SSH logins the machine has accepted since it booted."""
        return int(self.run("sh", "-c", "journalctl --unit ssh --boot --output cat | grep -c Accepted || true"))

    def container_id(self, name: str) -> str:
        return self.run("docker", "inspect", "--format", "{{.Id}}", name).strip()

    def live(self, service: str) -> str:
        """The container of the service that is asked, of the two that it may have."""
        return self.all_live([service])[0]

    def all_live(self, services: Iterable[str]) -> list[str]:
        """The containers of these services that are asked."""
        slots = self.run("ls", paths.SLOTS).split()
        return [f"auren-{service}-green" if f"{service}-green" in slots else f"auren-{service}" for service in services]

    def containers(self) -> dict[str, dict[str, Any]]:
        """Every container there is, running or not: `docker inspect` by name."""
        ids = self.run("docker", "ps", "--all", "--quiet").split()
        return {each["Name"].removeprefix("/"): each for each in json.loads(self.run("docker", "inspect", *ids))}

    def started_at(self, name: str) -> str:
        """Another text after each start."""
        return self.run("docker", "inspect", "--format", "{{.State.StartedAt}}", name).strip()

    def healths(self) -> dict[str, str]:
        """Name -> `running healthy`, and the like; nothing while the machine, or its engine, is away."""
        lines = self.run("sh", "-c", _HEALTHS, check=False).splitlines()
        return {name.removeprefix("/"): state for name, _, state in (line.partition(" ") for line in lines)}

    def wait_until_healthy(self, names: Iterable[str], seconds: float) -> None:
        wanted = dict.fromkeys(names, "running healthy")
        deadline = time.monotonic() + seconds
        while (found := self.healths()) != wanted:
            assert time.monotonic() < deadline, f"not all healthy within {seconds} s: {found}"
            time.sleep(1)
