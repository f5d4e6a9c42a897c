"""What was deployed: the commands in a stack's state, as `pulumi stack export` has it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from auren_infra.host.sent import TYPE, Command, read
from auren_infra.secrets import KEY

_SSH_KEY = "digitalocean:index/sshKey:SshKey"
_PASSWORD = "random:index/randomPassword:RandomPassword"


class StateError(RuntimeError):
    """The state does not tell what was deployed; the text says why, and what to do."""


@dataclass(frozen=True)
class State:
    """What `pulumi stack export` printed, of which nothing is to be deleted."""

    is_finished: bool
    resources: list[dict[str, Any]]


def parse(export: str) -> State:
    deployment: dict[str, Any] = json.loads(export).get("deployment") or {}
    resources: list[dict[str, Any]] = deployment.get("resources") or []
    return State(
        is_finished=not deployment.get("pending_operations"),
        resources=[each for each in resources if not each.get("delete")],
    )


def commands(state: State) -> list[Command]:
    """Every command that was run on the machine. Raises `StateError` while no update is finished."""
    if not state.is_finished:
        raise StateError(
            "An update of this stack is running, or was cut, so its state does not tell what is deployed. "
            "When none is running: `pulumi refresh`, then `pulumi up`."
        )
    found = [read(resource["urn"], resource["inputs"]) for resource in state.resources if resource["type"] == TYPE]
    if not found:
        raise StateError("Nothing was deployed to a machine by this stack yet: `pulumi up` first.")
    if of(found, "container"):
        raise StateError("This stack was deployed by an earlier version of the program: `pulumi up` first.")
    return found


def login_key(state: State) -> str:
    """The public key (type and key) that the program logs in with, which the provider puts on the machine."""
    (key,) = [str(each["inputs"]["publicKey"]) for each in state.resources if each["type"] == _SSH_KEY]
    return " ".join(key.split()[:2])


def digest_key(state: State) -> str:
    """The key of the secrets' digests, of an export with `--show-secrets`. Raises `StateError`."""
    for resource in state.resources:
        if resource["type"] == _PASSWORD and resource["urn"].endswith(f"::{KEY}"):
            return str(json.loads(resource["outputs"]["result"]["plaintext"]))
    raise StateError(
        "The state has no key of the secrets' digests, so this stack was deployed by an older version of this program: "
        "`pulumi up` first."
    )


def of(commands: Iterable[Command], *names: str) -> list[Command]:
    """Those that ran these scripts."""
    return [command for command in commands if command.name in names]
