"""One deployment at a time on a machine: a lock that is held for as long as the program runs.

The state has a lock of its own, which keeps two updates of one state apart, and which a killed run leaves behind. This
one says whose deployment it is, since when, and of which commit, and is in the way of no other state's deployment that
comes later: it ends with the connection that holds it.
"""

import asyncio
import getpass
import os
import platform
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pulumi

from auren_infra.call import LOCALE
from auren_infra.host.machine import USER, script
from auren_infra.services.inbound import SSH_PORT

SILENCE_SECONDS = 60
"""A run that the machine hears nothing of for so long has lost the lock."""
_PAUSE_SECONDS = 15
_PATIENCE_SECONDS = 30.0
"""So long a machine that gives no answer is tried."""
_ANSWER_SECONDS = 30.0
"""So long a machine that was reached may take to answer."""
_HELD_BY_ANOTHER = 3
"""The exit status of `hold.sh`."""
_LONGEST = 120
"""Characters of a text that is shown to others."""
_PROJECT = Path(__file__).parents[2]
_OPTIONS = (
    *("BatchMode=yes", "ControlPath=none", "ProxyCommand=none", "UpdateHostKeys=no"),
    *("GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes", "LogLevel=ERROR"),
    *("ConnectTimeout=10", "ServerAliveInterval=10", "ServerAliveCountMax=3"),
)


class HeldError(RuntimeError):
    """Another deployment holds the machine."""


class UnreachableError(RuntimeError):
    """The machine could not be asked."""


@dataclass(frozen=True)
class Run:
    """What others are told of this deployment."""

    who: str
    commit: str
    """Of the checkout, with `-dirty` when files differ from it; `-` outside a checkout."""
    message: str
    """The commit's first line."""


def this_run(project: Path = _PROJECT, environment: Mapping[str, str] = os.environ) -> Run:
    """In a workflow of GitHub, `who` is the person that started it."""
    person = environment.get("GITHUB_ACTOR") if environment.get("GITHUB_ACTIONS") == "true" else ""
    return Run(
        who=_plain(person or f"{_user()}@{platform.node()}"),
        commit=_plain(_git(project, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")),
        message=_plain(_git(project, "log", "-1", "--format=%s")),
    )


def lock_before_command(
    name: str, *, address: pulumi.Output[str], private_key: pulumi.Output[str], host_key: pulumi.Output[str]
) -> pulumi.ResourceHook:
    """A hook for the commands on a machine: before the first one that runs, it takes the machine's lock.

    Each command is then named in the machine's history. A preview, and an update that runs no command, open no
    connection. The hook fails while another deployment holds the lock. A machine that cannot be asked is left to the
    commands, which wait longer and say what is wrong: then it is not asked again.
    """
    turn = asyncio.Lock()
    holder: subprocess.Popen[str] | None = None
    unreachable = False

    async def take(*, again: bool) -> subprocess.Popen[str]:
        machine = await pulumi.Output.all(address, private_key, host_key).future()
        assert machine is not None  # they are inputs of the command, which is about to run
        where, own_key, its_key = machine
        return await asyncio.to_thread(lambda: hold(where, own_key, its_key, this_run(), again=again))

    async def before(args: pulumi.ResourceHookArgs) -> None:
        nonlocal holder, unreachable
        async with turn:
            if not unreachable and (holder is None or holder.poll() is not None):
                try:
                    holder = await take(again=holder is not None)
                except UnreachableError as error:
                    unreachable = True
                    pulumi.log.warn(f"The commands on {name} run without a lock against other deployments. {error}")
        if holder:
            _send(holder, args.name)

    return pulumi.ResourceHook(f"{name}-lock-before-command", before)


def hold(address: str, private_key: str, host_key: str, run: Run, *, again: bool = False) -> subprocess.Popen[str]:
    """Take the lock. It is held until the process that is returned ends, or this one.

    `private_key` is empty when an SSH agent holds it. `again`: this run held it until its connection was cut, so the
    machine may take some time to notice that. Raises `HeldError` or `UnreachableError`.
    """
    began = time.monotonic()
    while True:
        try:
            return _connect(address, private_key, host_key, run)
        except UnreachableError:
            if time.monotonic() > began + _PATIENCE_SECONDS:
                raise
        except HeldError:
            if not again or time.monotonic() > began + SILENCE_SECONDS + _PATIENCE_SECONDS:
                raise
        time.sleep(1)


def _connect(address: str, private_key: str, host_key: str, run: Run) -> subprocess.Popen[str]:
    words = [*LOCALE, "bash", "-s", "--", str(SILENCE_SECONDS), run.who, run.commit, run.message]
    with _login(address, private_key, host_key) as login:
        process = subprocess.Popen(
            [*login, shlex.join(words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C asks the engine to end what it is at: the lock is held until then
        )
        assert process.stdout
        bound = threading.Timer(_ANSWER_SECONDS, process.kill)
        bound.start()
        held = _send(process, script("hold")) and "held\n" in process.stdout
        bound.cancel()
    if held:
        threading.Thread(target=_keep, args=[process], daemon=True).start()
        return process
    _, error = process.communicate()
    if process.returncode == _HELD_BY_ANOTHER:
        raise HeldError(
            f"Another deployment is under way on {address}: {error.strip()}\n"
            f"Wait for its end. If it was killed or cut off, the machine forgets it within {SILENCE_SECONDS} s. "
            "Then run pulumi again."
        )
    raise UnreachableError(f"SSH ended with exit status {process.returncode}: {error.strip()}")


@contextmanager
def _login(address: str, private_key: str, host_key: str) -> Generator[list[str]]:
    """The beginning of ssh's command line. The operator's own SSH configuration and keys do not count."""
    with tempfile.TemporaryDirectory(prefix="auren-lock-") as kept:
        Path(kept, "known_hosts").write_text(f"{address} {host_key}\n", encoding="utf-8")
        key = Path(kept, "key")
        key.touch(mode=0o600)
        key.write_text(private_key, encoding="utf-8")
        own = [f"IdentityFile={key}", "IdentitiesOnly=yes", "IdentityAgent=none"]
        identity = own if private_key else ["PreferredAuthentications=publickey"]
        options = [*_OPTIONS, f"UserKnownHostsFile={kept}/known_hosts", *identity]
        arguments = [word for option in options for word in ("-o", option)]
        yield ["ssh", "-F", "/dev/null", "-T", "-p", str(SSH_PORT), *arguments, f"{USER}@{address}"]


def _send(process: subprocess.Popen[str], line: str) -> bool:
    """Whether ssh still reads."""
    assert process.stdin
    try:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    except (OSError, ValueError):  # closed at its end, or at ours
        return False
    return True


def _keep(process: subprocess.Popen[str]) -> None:
    """The end of this process closes the connection."""
    while process.poll() is None and _send(process, ""):
        time.sleep(_PAUSE_SECONDS)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return str(os.getuid())


def _git(project: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(project), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _plain(text: str) -> str:
    """One line without control characters, which the history and a terminal could not take."""
    return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST] or "-"
