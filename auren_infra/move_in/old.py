"""The machine that the data comes from: asked over SSH as whoever calls the command logs in there."""

import re
import shlex
import subprocess
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass

from auren_infra.call import LOCALE
from auren_infra.host.machine import script

SECONDS = 3600
"""Nobody waits longer for a step there."""
_SCRIPT = "old_machine"
_PLACE = re.compile(r"root@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)")
_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=10",
    "LogLevel=ERROR",
)
_UNREACHABLE = 255


class OldMachineError(RuntimeError):
    """The old machine did not do what it was asked; the text says why."""


@dataclass(frozen=True)
class OldMachine:
    """Of the operator's SSH configuration: keys, agent, known hosts."""

    login: str
    """`root@HOST`."""

    def ask(self, *command: str, data: str = "", seconds: int = SECONDS) -> str:
        """What `old_machine.sh` prints. `data` comes behind the script. Raises `OldMachineError`."""
        options = [word for option in _OPTIONS for word in ("-o", option)]
        words = [*LOCALE, "bash", "-s", "--", *command]
        try:
            done = subprocess.run(
                ["ssh", "-T", *options, self.login, shlex.join(words)],
                input=script(_SCRIPT) + data,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=seconds,
            )
        except FileNotFoundError:
            raise OldMachineError("There is no ssh on PATH: install OpenSSH's client.") from None
        except subprocess.TimeoutExpired:
            raise OldMachineError(f"The old machine gave no answer within {seconds} s.") from None
        said = done.stderr.strip()
        if done.returncode == _UNREACHABLE:
            raise OldMachineError(
                f"The old machine cannot be reached over SSH:\n{said}\nTry `ssh {self.login}`: it must let you in "
                "without a question, by a key, and its host key must be known."
            )
        if done.returncode:
            raise OldMachineError(said or f"The old machine ended with exit status {done.returncode} and said nothing.")
        return done.stdout

    def stop_writers(self, seconds: int, stores: Sequence[str]) -> None:
        """`seconds`: then everything there is started again, if nobody says anything else."""
        self.ask("stop-writers", str(seconds), *stores, data=script(_SCRIPT))


def login(text: str) -> str:
    """A machine of the command line, for argparse. Raises `ArgumentTypeError`."""
    if not _PLACE.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no root@HOST: the containers and their volumes are root's")
    return text
