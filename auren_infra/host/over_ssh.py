"""Scripts that run on a machine before a cloud takes something away from it.

They are not sent like all others (`Machine.run`). A machine that is dead must not be in the way, and one that is alive
must not lose what it has not written yet. `scripts/over_ssh.sh` tells the two apart. It runs where Pulumi runs.
"""

import shlex
import shutil
from dataclasses import dataclass
from typing import TypeVar

from auren_infra.call import LOCALE
from auren_infra.host.machine import script
from auren_infra.services.inbound import SSH_PORT, WEB_PORT
from auren_infra.settings import Fault

STOP_SECONDS = 300
"""That the containers of a machine may take to end."""
_LAST_WORDS_SECONDS = 30
"""The machine ends its own script first, so that its last words arrive."""

PROGRAMS = {"bash": "bash", "ssh": "an OpenSSH client"}
"""What `over_ssh.sh` needs where Pulumi runs, beside what every system has: program -> what is to be installed."""

Text = TypeVar("Text")
"""What is known now, or an output."""


def missing_programs() -> list[Fault]:
    """Told before anything is touched: a droplet could be made without them, but not replaced, resized or deleted."""
    return [
        Fault(
            "this machine", f"has no {program} on PATH, so no droplet could be brought down cleanly; install {package}"
        )
        for program, package in PROGRAMS.items()
        if not shutil.which(program)
    ]


@dataclass(frozen=True)
class Errand:
    """A script with its arguments, and what it is done for."""

    script_name: str
    arguments: tuple[str, ...]
    next: str
    """What happens next, also to a machine that is dead."""
    kept: str
    """What does not happen as long as a machine is alive and the script fails."""
    seconds: int
    """That the script may take."""

    @property
    def local_seconds(self) -> int:
        """That one connection may take."""
        return self.seconds + _LAST_WORDS_SECONDS

    def environment(self, *, address: Text, known_hosts: Text) -> dict[str, str | Text]:
        """For `over_ssh.sh`."""
        command = [*LOCALE, "timeout", str(self.seconds), "bash", "-s", "--", *self.arguments]
        return {
            "HOST": address,
            "PORT": str(SSH_PORT),
            "WEB_PORT": str(WEB_PORT),
            "KNOWN_HOSTS": known_hosts,
            "COMMAND": shlex.join(command),
            "SCRIPT": script(self.script_name),
            "LOCAL_BOUND": str(self.local_seconds),
            "NEXT": self.next,
            "KEPT": self.kept,
        }
