"""What was deployed: the commands in a stack's state, as `pulumi stack export` has it."""

import json
from typing import Any

from auren_infra.call import TYPE, read
from auren_infra.host.sent import Command, command
from auren_infra.secrets import KEY

_SSH_KEY = "digitalocean:index/sshKey:SshKey"
_PASSWORD = "random:index/randomPassword:RandomPassword"


class StateError(RuntimeError):
    """The state does not tell what was deployed; the text says why, and what to do."""


def commands(export: str) -> list[Command]:
    """Every command that was run on the machine, from what `pulumi stack export` printed.

    Raises `StateError` while the state is not that of a finished update.
    """
    deployment, resources = _read(export)
    if deployment.get("pending_operations"):
        raise StateError(
            "An update of this stack is running, or was cut, so its state does not tell what is deployed. "
            "When none is running: `pulumi refresh`, then `pulumi up`."
        )
    kept = [resource for resource in resources if resource["type"] == TYPE and not resource.get("delete")]
    if not kept:
        raise StateError("Nothing was deployed to a machine by this stack yet: `pulumi up` first.")
    if not all(read(resource["inputs"]["create"], None).id for resource in kept):
        raise StateError("This stack was deployed by an earlier version of the program: `pulumi up` first.")
    return [command(resource["urn"], resource["inputs"]) for resource in kept]


def login_key(export: str) -> str:
    """The public key (type and key) that the program logs in with, which the provider puts on the machine."""
    _, resources = _read(export)
    kept = [each for each in resources if each["type"] == _SSH_KEY and not each.get("delete")]
    (key,) = [str(each["inputs"]["publicKey"]) for each in kept]
    return " ".join(key.split()[:2])


def digest_key(export: str) -> str:
    """The key of the secrets' digests, from what `pulumi stack export --show-secrets` printed. Raises `StateError`."""
    _, resources = _read(export)
    passwords = [each for each in resources if each["type"] == _PASSWORD and not each.get("delete")]
    for resource in passwords:
        if resource["urn"].endswith(f"::{KEY}"):
            return str(json.loads(resource["outputs"]["result"]["plaintext"]))
    raise StateError(
        "The state has no key of the secrets' digests, so this stack was deployed by an older version of this program: "
        "`pulumi up` first."
    )


def _read(export: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    deployment: dict[str, Any] = json.loads(export).get("deployment") or {}
    return deployment, deployment.get("resources") or []
