"""The lock of a deployment, with an `ssh` on PATH: what it is asked, how long it is held, what is said without it."""

import asyncio
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pulumi
import pytest

from auren_infra.host.lock import HeldError, Run, UnreachableError, hold, this_run
from tests.unit.rehearsal import NAME, Rehearsal, deploy

RUN = Run("ada@laptop", "0123abc", "Say $(more)")
SSH = """
eval "words=\\${$#}"
printf '%s\\n' "$words" >asked
echo >>tries
[ ! -e fault ] || { cat fault >&2; exit "$(cat status)"; }
while read -r line; do [ "$line" != 'main "$@"; exit' ] || break; done
[ ! -e hangs ] || exec sleep 60
echo "a greeting of the login"
echo held
while read -r line; do [ -z "$line" ] || echo "$line" >>lines; done
echo ended >end
"""
"""It reads the script as bash on the machine does, and holds until its standard input ends."""
HOLDS = """
import sys
from auren_infra.host.lock import Run, hold
hold("198.51.100.10", "key\\n", "ssh-ed25519 A", Run("a", "b", "c"))
print("held", flush=True)
sys.stdin.read()
"""
MACHINE = ("198.51.100.10", "PRIVATE\n", "ssh-ed25519 AAAA")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/ssh"
    program.write_text(f"#!/bin/sh\nset -e\ncd {shlex.quote(str(tmp_path))}\n{SSH}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "lines").touch()
    return tmp_path


def test_the_machine_is_told_whose_deployment_it_is(machine: Path) -> None:
    with hold(*MACHINE, RUN) as process:
        assert shlex.split((machine / "asked").read_text()) == [
            *("env", "LC_ALL=C", "bash", "-s", "--", "60", "ada@laptop", "0123abc", "Say $(more)")
        ]
        process.kill()


def test_it_is_held_until_the_process_is_killed(machine: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout
        assert run.stdout.readline() == b"held\n"
        assert not (machine / "end").exists()
        run.kill()
    deadline = time.monotonic() + 30
    while not (machine / "end").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (machine / "end").exists()


def _fails(machine: Path, status: int, said: str) -> None:
    (machine / "fault").write_text(f"{said}\n")
    (machine / "status").write_text(f"{status}\n")


def test_while_another_deployment_holds_it_the_command_fails(machine: Path) -> None:
    _fails(machine, 3, "bob@desk, since 2027-01-15T08:00:00Z, commit 4567def: Say more")
    with pytest.raises(HeldError) as refused:
        hold(*MACHINE, RUN)
    assert str(refused.value) == (
        "Another deployment is under way on 198.51.100.10: bob@desk, since 2027-01-15T08:00:00Z, "
        "commit 4567def: Say more\n"
        "Wait for its end. If it was killed or cut off, the machine forgets it within 60 s. Then run pulumi again."
    )


def test_a_machine_that_boots_is_asked_again(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auren_infra.host.lock._PATIENCE_SECONDS", 0.5)
    _fails(machine, 255, "Connection refused")
    with pytest.raises(UnreachableError, match="SSH ended with exit status 255: Connection refused"):
        hold(*MACHINE, RUN)
    assert (machine / "tries").read_text().count("\n") == 2


def test_a_machine_that_never_answers_is_given_up(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auren_infra.host.lock._PATIENCE_SECONDS", 0)
    monkeypatch.setattr("auren_infra.host.lock._ANSWER_SECONDS", 0.5)
    (machine / "hangs").touch()
    with pytest.raises(UnreachableError, match="SSH ended with exit status -9"):
        hold(*MACHINE, RUN)


def _before(update: Rehearsal, command: str) -> None:
    """The hook as the engine calls it before it runs the command."""
    (name,) = update.command(command).create_hooks
    assert update.command(command).update_hooks == (name,)
    done = update.hooks[name](pulumi.ResourceHookArgs("urn", "id", f"{NAME}-{command}", "type"))
    assert done is not None
    asyncio.get_event_loop().run_until_complete(done)


def test_the_first_command_takes_the_lock_and_each_is_named(machine: Path) -> None:
    update = deploy()
    _before(update, "programs")
    _before(update, "api")
    deadline = time.monotonic() + 30
    while len(names := (machine / "lines").read_text().split()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert names == [f"{NAME}-programs", f"{NAME}-api"]
    assert (machine / "tries").read_text().count("\n") == 1


def test_a_machine_that_cannot_be_asked_is_left_to_the_command(
    machine: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("auren_infra.host.lock._PATIENCE_SECONDS", 0)
    _fails(machine, 255, "Connection refused")
    warned = list[str]()
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    update = deploy()
    _before(update, "programs")
    _before(update, "api")
    (said,) = warned
    assert said.startswith(f"The commands on {NAME} run without a lock against other deployments. ")
    assert said.endswith("SSH ended with exit status 255: Connection refused")
    assert (machine / "tries").read_text().count("\n") == 1, "it is not asked again for each command"


def test_what_waits_for_the_machine_takes_no_lock(rehearsal: Rehearsal) -> None:
    commands = [each for each in rehearsal.resources if each.type == "command:remote:Command"]
    assert [each.name for each in commands if not each.create_hooks] == [f"{NAME}-ready"]


def test_a_run_is_named_after_its_person_and_its_commit(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    outside = this_run(tmp_path, {})
    assert (outside.commit, outside.message) == ("-", "-")
    assert "@" in outside.who
    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--no-gpg-sign", "-m", "Say\tmore " + "x" * 200)
    commit = git("rev-parse", "HEAD")
    run = this_run(tmp_path, {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "ada"})
    assert run == Run("ada", commit, "Say more " + "x" * 111)
    (tmp_path / "file").write_text("two")
    assert this_run(tmp_path, {"GITHUB_ACTOR": "ada"}).commit == f"{commit}-dirty"
    assert this_run(tmp_path, {"GITHUB_ACTOR": "ada"}).who == outside.who


def test_a_run_whose_connection_was_cut_waits_until_the_machine_forgets_it(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine notices the cut later than ssh. Another run is refused at once."""
    _fails(machine, 3, "ada@laptop, since 2027-01-15T08:00:00Z")
    monkeypatch.setattr(
        "auren_infra.host.lock.time.sleep", lambda _seconds: (machine / "fault").unlink(missing_ok=True)
    )
    with pytest.raises(HeldError):
        hold(*MACHINE, RUN)
    held = hold(*MACHINE, RUN, again=True)
    held.kill()
    held.communicate()
    assert len((machine / "tries").read_text().splitlines()) == 3


def test_a_run_whose_connection_was_cut_does_not_wait_for_another_one_for_ever(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fails(machine, 3, "bob@desk, since 2027-01-15T08:00:00Z")
    monkeypatch.setattr("auren_infra.host.lock.SILENCE_SECONDS", 0)
    monkeypatch.setattr("auren_infra.host.lock._PATIENCE_SECONDS", 0)
    with pytest.raises(HeldError):
        hold(*MACHINE, RUN, again=True)
