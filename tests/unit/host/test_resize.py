"""Before a resize the containers end cleanly; nothing else is a reason to stop them."""

import asyncio
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from auren_infra.host import resize
from auren_infra.host.machine import script
from tests.unit.rehearsal import ADDRESS, NAME, Rehearsal

DROPLET = "digitalocean:index/droplet:Droplet"
Call = Callable[..., None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What over_ssh.sh was given, each time that it ran; it answers as its own last line says."""
    calls: list[dict[str, Any]] = []

    def run(command: list[str], *, input: str, env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:  # noqa: A002
        assert command == ["bash", "-c", script("over_ssh")]
        calls.append({"key": input, **env})
        status = 1 if env["HOST"] == "192.0.2.1" else 0
        return subprocess.CompletedProcess(command, status, "containers stopped\n", "It is alive.\n")

    monkeypatch.setattr(subprocess, "run", run)
    return calls


def _before(update: Rehearsal, old: dict[str, Any], new: dict[str, Any]) -> None:
    """The hook as the engine calls it before it updates the droplet."""
    (name,) = update.only(DROPLET).update_hooks
    done = update.hooks[name](pulumi.ResourceHookArgs("urn", "3164494", NAME, DROPLET, new, old))
    assert done is not None
    asyncio.get_event_loop().run_until_complete(done)


def test_containers_stop_before_a_resize(update: Rehearsal, asked: list[dict[str, Any]]) -> None:
    _before(update, {"size": "s-2vcpu-4gb"}, {"size": "s-4vcpu-8gb"})
    (call,) = asked
    assert call["HOST"] == ADDRESS
    assert call["KNOWN_HOSTS"] == f"{ADDRESS} ssh-ed25519 AAAAC3aurentesthostA"
    assert call["key"] == f"PRIVATE-{NAME}-deploy-PRIVATE\n"
    assert call["SCRIPT"] == script("stop_containers")
    assert re.fullmatch(r"env LC_ALL=C timeout \d+ bash -s -- \d+ 0", call["COMMAND"]), (
        "without backups, none is asked for"
    )


def test_another_change_of_the_droplet_stops_nothing(update: Rehearsal, asked: list[dict[str, Any]]) -> None:
    _before(update, {"size": "s-2vcpu-4gb", "tags": ["a"]}, {"size": "s-2vcpu-4gb", "tags": ["b"]})
    assert asked == []


def test_a_machine_that_is_alive_and_cannot_stop_is_not_resized(asked: list[dict[str, Any]]) -> None:
    """A hook that raises fails the update, before the droplet is touched."""
    with pytest.raises(RuntimeError, match=r"^It is alive\.$"):
        resize.stop_containers(60, "192.0.2.1", "key", "ssh-ed25519 AAAAC3")


def test_nothing_runs_when_a_droplet_is_made(rehearsal: Rehearsal) -> None:
    """Hooks before an update are no hooks before a creation."""
    assert rehearsal.only(DROPLET).update_hooks == (f"{NAME}-stop-before-resize",)
