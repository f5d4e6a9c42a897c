"""A deploy key of the team's own: its private half is in an SSH agent, and the stack's state never holds it."""

import json
import os
from pathlib import Path

import pytest

from auren_infra.host import agent
from auren_infra.settings import SettingsError
from tests.unit.configuration import COMPLETE, ED25519
from tests.unit.rehearsal import NAME, Rehearsal, deploy

KEY = ED25519.rpartition(" ")[0]
"""Without the comment."""
TLS_KEY = "tls:index/privateKey:PrivateKey"


@pytest.fixture
def own_key(monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    monkeypatch.setattr(agent, "missing", lambda key: "" if key == ED25519 else "another key")
    return deploy(deployKey=ED25519)


def test_the_machine_lets_in_that_key_and_no_other_is_made(own_key: Rehearsal) -> None:
    assert own_key.only("digitalocean:index/sshKey:SshKey").inputs["publicKey"] == KEY
    assert [key.name for key in own_key.of_type(TLS_KEY)] == [f"{NAME}-host"]


def test_no_command_and_no_output_holds_a_key_that_logs_in(own_key: Rehearsal, update: Rehearsal) -> None:
    secret = f"PRIVATE-{NAME}-deploy"
    given = json.dumps([each.inputs for each in own_key.resources])
    assert secret in json.dumps([each.inputs for each in update.resources]), "otherwise this test finds nothing"
    assert secret not in given
    assert all("privateKey" not in command.inputs["connection"] for command in own_key.commands())
    assert own_key.only("command:local:Command").inputs.get("stdin", "") == ""
    assert own_key.outputs["sshPrivateKey"] == ""


def test_a_preview_needs_no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "missing", lambda _key: "no agent answers")
    previewed = deploy(preview=True, deployKey=ED25519)
    assert previewed.commands()
    with pytest.raises(SettingsError, match="auren:deployKey: no agent answers"):
        deploy(deployKey=ED25519)


def test_without_one_no_agent_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "missing", lambda _key: "no agent answers")
    assert deploy(deployKey="").outputs["sshPrivateKey"]
    assert "deployKey" not in COMPLETE


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f"echo 'ssh-rsa AAAAB3 eve'; echo '{KEY} another comment'", ""),
        (
            "echo 'ssh-rsa AAAAB3 eve'",
            "the SSH agent here does not hold this key; add its private half: `ssh-add FILE`",
        ),
        ("echo 'The agent has no identities.'; exit 1", "the SSH agent here does not hold this key"),
        ("echo 'Could not open a connection to your authentication agent.' >&2; exit 2", "no SSH agent answers here"),
    ],
)
def test_the_agent_is_asked_for_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str) -> None:
    (tmp_path / "ssh-add").write_text(f'#!/bin/sh\n[ "$*" = -L ] || exit 9\n{body}\n')
    (tmp_path / "ssh-add").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert agent.missing(ED25519).startswith(said)
    assert bool(agent.missing(ED25519)) == bool(said)


def test_without_openssh_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert agent.missing(ED25519) == "there is no ssh-add on PATH to ask the SSH agent with; install OpenSSH's client"
