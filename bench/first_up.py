"""The first update of a machine, beside a plain shell script that does the same by hand over one SSH session.

Both begin at a fresh droplet whose first boot is over. The script has the very commands, scripts and files of the
stack, one after the other, but for the containers: links to the staged releases are made, and
`docker compose up -d --wait` starts them.
"""

import contextlib
import json
import shlex
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from auren_infra.files.paths import COMPOSE_FILE, CURRENT, SERVICES
from auren_infra.host.machine import USER
from bench import engine
from bench.engine import LIMIT_SECONDS, STACK, BenchError, Pulumi
from bench.results import Comparison, Measured, Series, Unit
from bench.samples import alternate, seconds
from sandbox import environment, layout, pulumi_stack, stack_config

CLOUD = f"urn:pulumi:{STACK}::*::auren:cloud:**"
"""Droplet, volume, network, records, and the wait for the end of the first boot, which is the droplet's child."""
OURS = "`pulumi up --skip-preview` of all that is on the machine"
BY_HAND = "one shell script, over one SSH session"
COMMAND = "command:remote:Command"


def measure(repetitions: int) -> Measured:
    with _stack(engine.local()) as stack, tempfile.TemporaryDirectory(prefix="auren-bench-first-") as directory:
        script = ""

        def ours() -> float:
            nonlocal script
            with _fresh_droplet(stack):
                taken = seconds(stack.update)()
                resources = _resources(stack)
                script = script or by_hand(resources, _services(resources))
                return taken

        def typed() -> float:
            with _fresh_droplet(stack):
                login = Login.of(_resources(stack))
                return seconds(lambda: login.run(script, Path(directory)))()

        taken = alternate(repetitions, {OURS: ours, BY_HAND: typed})
    return Measured(
        comparisons=(
            Comparison(
                title="First update of a machine",
                ours=Series(what=OURS, samples=tuple(taken[OURS])),
                other=Series(what=BY_HAND, samples=tuple(taken[BY_HAND])),
                unit=Unit.SECONDS,
                goal=1.0,
            ),
        )
    )


def by_hand(resources: Sequence[dict[str, Any]], services: Collection[str]) -> str:
    """The script of a deployed stack's `resources`, which come in the order of their dependencies."""
    commands = [one for one in resources if one["type"] == COMMAND and "::auren:cloud:" not in one["urn"]]
    containers = {one["urn"]: service for one in commands if (service := _name(one)) in services}
    # Pulumi starts containers without the compose file of all of them. Whoever types needs it first.
    awaited = {*containers, *(one["urn"] for one in commands if _name(one) == Path(COMPOSE_FILE).name)}
    for one in reversed(commands):
        if one["urn"] in awaited:
            awaited.update(one["dependencies"])
    steps: list[str] = []
    afterwards: list[str] = []
    for one in commands:
        if one["urn"] in containers:
            continue
        if one["urn"] in awaited:
            # Some wait for a container themselves: Kafka's topics are made in it.
            steps += [line for urn in one["dependencies"] if urn in containers for line in _start(containers[urn])]
            steps.append(_sent(one))
        else:
            afterwards.append(_sent(one))
    return "\n".join(["set -euo pipefail", "main() {", *steps, *_start(), *afterwards, "}", "main; exit", ""])


def _start(service: str = "") -> list[str]:
    """Of a fresh machine each service has one release. The compose file looks for it behind a link."""
    link = f'ln -sfn releases/"$(ls "$service/releases")" "$service/{CURRENT}"'
    up = f"docker compose --ansi never --progress quiet --file {COMPOSE_FILE} up -d --wait {service}"
    return [f"for service in {SERVICES}/*; do {link}; done", up.rstrip()]


def _sent(command: dict[str, Any]) -> str:
    """As Pulumi sends it: the script and its data on the standard input."""
    inputs = command["inputs"]
    return f"printf %s {shlex.quote(_plain(inputs.get('stdin', '')))} | {_plain(inputs['create'])}"


def _plain(value: Any) -> str:
    """A property as `stack export --show-secrets` has it."""
    if isinstance(value, dict):
        return str(json.loads(value["plaintext"]))
    return str(value)


def _name(resource: dict[str, Any]) -> str:
    return resource["urn"].rsplit("::", 1)[1].removeprefix(f"auren-{STACK}-")


def _resources(stack: Pulumi) -> list[dict[str, Any]]:
    return json.loads(stack.run("stack", "export", "--show-secrets"))["deployment"]["resources"]


def _services(resources: Sequence[dict[str, Any]]) -> Collection[str]:
    (stack,) = (one for one in resources if one["type"] == "pulumi:pulumi:Stack")
    return stack["outputs"]["services"].keys()


@dataclass(frozen=True)
class Login:
    """How a machine's commands reach it."""

    host: str
    private_key: str
    host_key: str

    @classmethod
    def of(cls, resources: Sequence[dict[str, Any]]) -> "Login":
        command = next(one for one in resources if one["type"] == COMMAND)
        connection = command["inputs"]["connection"]
        if "plaintext" in connection:
            connection = json.loads(connection["plaintext"])
        return cls(*(_plain(connection[key]) for key in ("host", "privateKey", "hostKey")))

    def run(self, script: str, directory: Path) -> None:
        """Over one session; `directory` is for the keys."""
        key, known_hosts = directory / "key", directory / "known_hosts"
        key.touch(mode=0o600)
        key.write_text(self.private_key)
        known_hosts.write_text(f"{self.host} {self.host_key}\n")
        options = ["IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", f"UserKnownHostsFile={known_hosts}"]
        done = subprocess.run(
            ["ssh", "-T", "-i", key, *(f"-o{option}" for option in options), f"{USER}@{self.host}", "bash", "-s"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        if done.returncode:
            raise BenchError(f"The script failed on the machine:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


@contextlib.contextmanager
def _stack(local: Pulumi) -> Iterator[Pulumi]:
    """A stack beside `local`, with its configuration but for names and networks; nothing of it is left."""
    file = stack_config.file_in_use(STACK)
    zone = local.configuration().get("auren:cloudflareZone", "aupex.ai")
    beside = {"auren:domain": f"{STACK}.{zone}", "auren:vpcRange": "10.200.32.0/20", "auren:protectData": False}
    file.write_text(yaml.safe_dump({"config": local.configuration() | beside}))
    pulumi_stack.ensure_stack(STACK)
    stack = Pulumi(layout.PROJECT, environment.complete(STACK))
    try:
        yield stack
    finally:
        stack.run("stack", "rm", "--yes", "--force", STACK)
        file.unlink()


@contextlib.contextmanager
def _fresh_droplet(stack: Pulumi) -> Iterator[None]:
    """Everything of the cloud, and a first boot that is over."""
    stack.update("--target", CLOUD)
    try:
        yield
    finally:
        stack.run("destroy", "--yes", "--skip-preview", "--non-interactive")
