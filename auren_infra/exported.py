"""What was deployed: the commands in a stack's state, as `pulumi stack export` has it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auren_infra.call import TYPE, Call, read
from auren_infra.host import orders
from auren_infra.host.orders import Stage, Start
from auren_infra.host.sent import Command, of
from auren_infra.secrets import KEY

_SSH_KEY = "digitalocean:index/sshKey:SshKey"
_PASSWORD = "random:index/randomPassword:RandomPassword"
_ALWAYS = (
    *(orders.WaitReady, orders.DataDisk, orders.DockerEngine, orders.ContainerFirewall, orders.MachineFirewall),
    *(orders.DockerNetwork, orders.SystemUpdates, orders.Programs, orders.Supervision, orders.Retire, orders.Tidy),
)
"""The orders of every machine. `Tidy` is run behind the start of every container."""


class StateError(RuntimeError):
    """The state does not tell what was deployed; the text says why, and what to do."""


@dataclass(frozen=True)
class State:
    """What `pulumi stack export` printed."""

    is_finished: bool
    resources: list[dict[str, Any]]
    """Without those that are still to be deleted."""
    to_delete: list[dict[str, Any]]
    """Those that were replaced, and that no update has deleted yet."""


def parse(export: str) -> State:
    deployment: dict[str, Any] = json.loads(export).get("deployment") or {}
    resources: list[dict[str, Any]] = deployment.get("resources") or []
    return State(
        is_finished=not deployment.get("pending_operations"),
        resources=[each for each in resources if not each.get("delete")],
        to_delete=[each for each in resources if each.get("delete")],
    )


def commands(state: State) -> list[Command]:
    """Every command that was run on the machine. Raises `StateError` when no update has run all of them."""
    if not state.is_finished:
        raise StateError(
            "An update of this stack is running, or was cut, so its state does not tell what is deployed. "
            "When none is running: `pulumi refresh`, then `pulumi up`."
        )
    sent = [one for one in state.resources if one["type"] == TYPE]
    calls = {one["urn"]: call for one in sent if (call := _call(one["inputs"]))}
    if not calls:
        raise StateError("Nothing was deployed to a machine by this stack yet: `pulumi up` first.")
    if not all(call.id for call in calls.values()):
        raise StateError("This stack was deployed by an earlier version of the program: `pulumi up` first.")
    printed = {one["urn"]: _printed(one) for one in sent}
    found = [Command(urn, orders.read(call), printed[urn]) for urn, call in calls.items()]
    if missing := _missing(found):
        raise StateError(
            f"No update of this stack has come to its end: {', '.join(missing)} was never run. `pulumi up` first."
        )
    return found


def _call(inputs: dict[str, Any]) -> Call | None:
    """None for a command over SSH that `Machine.run` did not write."""
    try:
        return read(inputs["create"], inputs.get("stdin", ""))
    except ValueError:
        return None


def _printed(resource: dict[str, Any]) -> str:
    """Empty when it is not known, or a secret."""
    printed = resource.get("outputs", {}).get("stdout")
    return printed if isinstance(printed, str) else ""


def _missing(commands: Sequence[Command]) -> list[str]:
    """What every machine is given at its first update, and was not."""
    given = {command.order.id for command in commands}
    started = {command.order.service for command in of(commands, Start)}
    staged = [command.order.service for command in of(commands, Stage)]
    return [
        *(order.id for order in _ALWAYS if order.id not in given),
        *(f"the start of {service}" for service in staged if service not in started),
    ]


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
