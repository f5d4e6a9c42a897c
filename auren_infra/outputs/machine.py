"""Runs a command on a stack's machine: over SSH, with the stack's own key, and on no other machine than the stack's."""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from auren_infra.call import LOCALE
from auren_infra.outputs import source
from auren_infra.outputs.contract import StackOutputs
from auren_infra.outputs.formats import ssh
from auren_infra.outputs.placing import show
from auren_infra.outputs.source import OutputsError, private_key
from auren_infra.outputs.stack_name import StackName

_OPTIONS = ("BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=10", "LogLevel=ERROR")
_UNREACHABLE = 255
"""ssh's own exit status. No program that is run here ends with it."""
_NOT_FOUND = 127
"""The exit status of `env` when there is no such program."""

NEEDS = """\
pulumi on PATH, a login to the state, its passphrase, and SSH that is open to your address
(`python -m auren_infra access open`). With auren:deployKey, the key in an SSH agent.
"""
"""Of a command that asks a machine, for its help."""
DONE, REFUSED, NOT_ASKED = 0, 1, 2
"""The exit statuses of such a command."""


class MachineError(RuntimeError):
    """The machine gave no answer; the text says why, and what to do."""


class NoProgramError(MachineError):
    """The machine has no such program."""


def ask(outputs: StackOutputs, *command: str, data: str = "", seconds: int) -> subprocess.CompletedProcess[str]:
    """The end of the command, whatever its exit status is. `data` is its standard input.

    The key lies in a file of this user's own for as long as `ssh` runs. A stack that keeps no key is logged in to with
    the SSH agent's (`auren:deployKey`). After `seconds` nobody waits for the machine any more. Raises `MachineError`,
    and `NoProgramError` when the program is not there.
    """
    by_agent = not outputs.ssh_private_key.get_secret_value()
    with tempfile.TemporaryDirectory(prefix="auren-login-") as kept:
        login = ssh.Login(Path(kept, "known_hosts"), None if by_agent else Path(kept, "key"))
        for name, text in {
            "known_hosts": ssh.known_hosts(outputs),
            "config": ssh.config(outputs, login),
            "key": "" if by_agent else private_key(outputs).rstrip("\n") + "\n",
        }.items():
            path = Path(kept, name)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        options = [word for option in _OPTIONS for word in ("-o", option)]
        options += [] if by_agent else ["-o", "IdentityAgent=none"]
        try:
            done = subprocess.run(
                ["ssh", "-T", *options, "-F", f"{kept}/config", ssh.host(outputs), shlex.join([*LOCALE, *command])],
                input=data,
                capture_output=True,
                encoding="utf-8",
                errors="replace",  # a container's log can have anything
                check=False,
                timeout=seconds,
            )
        except FileNotFoundError:
            raise MachineError("There is no ssh on PATH: install OpenSSH's client.") from None
        except subprocess.TimeoutExpired:
            raise MachineError(f"The machine gave no answer within {seconds} s.") from None
    if done.returncode == _UNREACHABLE:
        raise MachineError(
            f"The machine cannot be reached over SSH:\n{done.stderr.strip()}\n"
            "Is the droplet on? If SSH is closed to your address, open it: `python -m auren_infra access open`."
        )
    if done.returncode == _NOT_FOUND and done.stderr.startswith("env: ") and command[0] in done.stderr:
        raise NoProgramError(f"There is no {command[0]} on the machine: the stack was deployed without it.")
    return done


def tell(stack: StackName | None, *command: str, seconds: int, then: Callable[[str], str] = lambda _said: "") -> int:
    """Print what the command on the stack's machine prints, or its error. The result is an exit status.

    When it has succeeded, `then` is called with what it has printed, and its text goes to standard error.
    """
    try:
        done = ask(source.of_stack(stack and stack.for_pulumi, secrets=True), *command, seconds=seconds)
    except (OutputsError, MachineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_ASKED
    status = end(done)
    if status == DONE:
        print(then(done.stdout), end="", file=sys.stderr)
    return status


def end(done: subprocess.CompletedProcess[str]) -> int:
    """Print what a command on the machine has printed, or its error. The result is an exit status."""
    show(done.stdout)
    if done.returncode:
        print(f"error: {done.stderr.strip()}", file=sys.stderr)
        return REFUSED
    return DONE
