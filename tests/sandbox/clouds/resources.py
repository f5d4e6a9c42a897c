"""Resources as most tests need them, and waiting for actions."""

from collections.abc import Mapping
from typing import Any

from pydo import Client

from tests.sandbox.clouds.running import eventually

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4d5wf7pXJ0uhcfPWbhRpDMEYwdNTRqPpZ0JY6sVrMZ deploy"


def action_done(do: Client, action: Mapping[str, Any]) -> dict[str, Any]:
    def finished() -> dict[str, Any] | None:
        current = do.actions.get(action["action"]["id"])["action"]
        return current if current["completed_at"] else None

    return eventually(finished)


def droplet(do: Client, **more: Any) -> dict[str, Any]:
    """A droplet that is active."""
    request = {"name": "auren-1", "region": "fra1", "size": "s-2vcpu-4gb", "image": "ubuntu-22-04-x64"} | more
    answer = do.droplets.create(request)
    action = do.actions.get(answer["links"]["actions"][0]["id"])
    assert action_done(do, action)["status"] == "completed"
    return do.droplets.get(answer["droplet"]["id"])["droplet"]


def volume(do: Client, **more: Any) -> dict[str, Any]:
    return do.volumes.create({"name": "data", "region": "fra1", "size_gigabytes": 10} | more)["volume"]
