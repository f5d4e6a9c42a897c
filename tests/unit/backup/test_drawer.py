"""`python -m auren_infra backup drawer`: what is missing for the day when everything is gone."""

import io
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from auren_infra.__main__ import main
from auren_infra.backup import drawer
from auren_infra.host import agent

BUCKET = "s3://auren-state?endpoint=https://nyc3.digitaloceanspaces.com"
PULUMI = """#!/bin/sh
case "$*" in
whoami*) cat "$PULUMI_SAYS/whoami" ;;
"stack --show-name"*) echo prod ;;
config*) cat "$PULUMI_SAYS/config" ;;
"stack export"*) echo '{}' ;;
*) exit 98 ;;
esac || { echo "error: incorrect passphrase" >&2; exit 255; }
"""


class Desk:
    """A checkout that was pushed, an engine that is logged in to a bucket, and what is typed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.says, self.project = folder / "says", folder / "project"
        self._patch = monkeypatch
        for directory in (self.says, self.project, folder / "bin"):
            directory.mkdir()
        (folder / "bin/pulumi").write_text(PULUMI)
        (folder / "bin/pulumi").chmod(0o755)
        monkeypatch.setenv("PULUMI_SAYS", str(self.says))
        monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr(drawer, "PROJECT", self.project)
        self.logged_in(BUCKET)
        self.configured({"auren:backups": "spaces://fra1/auren-backups"})
        self.typed("in a drawer")
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("init", "--quiet", "--bare", "../remote")
        self.git("remote", "add", "origin", "../remote")
        self.commit("config: {}\n")
        self.git("push", "--quiet", "origin", "main")

    def git(self, *arguments: str) -> None:
        named = ("-c", "user.name=AUREN", "-c", "user.email=auren@example.org")
        subprocess.run(["git", *named, *arguments], cwd=self.project, check=True, capture_output=True)

    def commit(self, text: str) -> None:
        (self.project / "Pulumi.prod.yaml").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change a setting")

    def logged_in(self, url: str) -> None:
        (self.says / "whoami").write_text(json.dumps({"user": "root", "url": url}))

    def configured(self, values: Mapping[str, str]) -> None:
        secret = json.dumps({"backup-passphrase": "in a drawer"})
        told = {"auren:secrets": secret, "auren:deployKey": "", **values}
        (self.says / "config").write_text(json.dumps({key: {"value": value} for key, value in told.items()}))

    def typed(self, words: str) -> None:
        self._patch.setattr("sys.stdin", io.StringIO(f"{words}\n"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def _found(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is printed above what a person does by hand."""
    printed = capsys.readouterr().out
    above, _, by_hand = printed.partition("By hand:\n")
    assert by_hand.count("\n") == len(drawer.BY_HAND)
    return above.splitlines()


@pytest.mark.parametrize("stack", [(), ("--stack", "prod")])
def test_a_drawer_that_is_complete(desk: Desk, capsys: pytest.CaptureFixture[str], stack: tuple[str, ...]) -> None:
    assert main(["backup", "drawer", *stack]) == 0
    assert _found(capsys) == ["All that this can see is there, and right."]


def test_everything_that_is_missing_is_told_at_once(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.logged_in("file:///home/auren")
    desk.configured({"auren:backups": "spaces://fra1/auren-backups", "auren:deployKey": "ssh-ed25519 AAAA"})
    desk.typed("in another drawer")
    desk.commit("config: {changed: true}\n")
    monkeypatch.setattr(agent, "missing", lambda _key: "no SSH agent answers here; start one")
    assert main(["backup", "drawer"]) == 1
    assert [line.partition(":")[0].partition(".")[0] for line in _found(capsys)] == [
        "The state is on this disk (file",
        "The newest commit of Pulumi",
        "What was typed is not backup-passphrase",
        "auren",
    ]


def test_a_passphrase_that_does_not_decrypt_is_told(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.says / "config").unlink()
    assert main(["backup", "drawer"]) == 1
    (first, *_) = _found(capsys)
    assert first.startswith("With what is set here, the stack cannot be read. `pulumi config ")


def test_settings_that_are_on_this_disk_alone_are_told(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    (desk.project / "Pulumi.prod.yaml").write_text("config: {changed: true}\n")
    assert main(["backup", "drawer"]) == 1
    assert _found(capsys) == ["Pulumi.prod.yaml has changes that are not committed: commit them, and push."]
    desk.git("rm", "--cached", "--quiet", "Pulumi.prod.yaml")
    desk.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "Without it")
    desk.typed("in a drawer")
    assert main(["backup", "drawer"]) == 1
    assert _found(capsys)[0].startswith("Pulumi.prod.yaml is not in the repository.")


def test_nothing_can_be_restored_without_backups(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.configured({"auren:backups": ""})
    assert main(["backup", "drawer"]) == 1
    assert _found(capsys)[0].startswith("auren:backups is empty, so there is nothing to restore from.")


def test_the_passphrase_is_not_shown(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.typed("in another drawer")
    assert main(["backup", "drawer"]) == 1
    assert "drawer" not in "".join(_found(capsys))
