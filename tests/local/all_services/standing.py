"""A script of a deployment that stands still on the droplet, in front of one of the programs that it calls.

The scripts have nothing for this. Programs of the same names come first on the machine's PATH meanwhile.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.local.host import Host

_STAND_IN = Path(__file__).parent / "scripts" / "stop_at.sh"
_PLACE = "/usr/local/sbin"
_STATE = "/run/stop-at"
_TOOLS = ("date", "docker", "find", "install", "ln", "mv", "rm", "sleep", "sync")


@dataclass(frozen=True)
class Step:
    """A moment of a deployment: the script of an order is about to call a program."""

    name: str
    order: str
    call: str
    """A regular expression of bash, for the program's name and its arguments."""


@dataclass(frozen=True)
class Standing:
    """The script that will stand still, or does."""

    host: Host
    order: str

    def is_reached(self, seconds: float) -> bool:
        """Whether it stands still within so many seconds."""
        wait = f"until [ -e {_STATE}/reached ]; do sleep 0.05; done; echo reached"
        return self.host.run("timeout", str(seconds), "sh", "-c", wait, check=False) != ""

    def go_on(self) -> None:
        self.host.run("sh", "-c", f"[ ! -d {_STATE} ] || touch {_STATE}/go")

    def kill(self) -> None:
        """The script and all that it has called are gone, as when the machine has no memory."""
        self._kill(_ENVIRONMENTS)

    def cut(self) -> None:
        """The connection that the script came through is gone. Nobody ends the script."""
        self._kill(f"for pid in $({_ENVIRONMENTS}); do {_SSHD}; done")

    def _kill(self, listing: str) -> None:
        """Until there is none. Some end by themselves meanwhile."""
        found = listing.format(order=self.order)
        self.host.run("bash", "-c", f'while pids=$({found}) && [ -n "$pids" ]; do kill -KILL $pids; done; true')


_ENVIRONMENTS = "grep -lszx AUREN_ORDER={order} /proc/[0-9]*/environ | cut -d/ -f3"
"""The processes of the script, by the variable that they were given."""
_SSHD = (
    "p=$pid; while read -r _ _ _ up _ </proc/$p/stat && [ $up -gt 1 ]; do"
    " case $(cat /proc/$p/comm) in sshd*) echo $p ;; esac; p=$up; done"
)
"""Of the program $pid: the servers of its connection, but not the one that listens, whose parent is 1."""


@contextlib.contextmanager
def stand_ins(host: Host) -> Iterator[None]:
    """The stand-ins are on the machine. They outlive each cut: a script that goes on has remembered where they are."""
    copies = " ".join(_TOOLS)
    copy = f"for tool in {copies}; do cp .stop_at $tool; done"
    # A power cut must not leave empty files.
    put = f"cd {_PLACE} && cat >.stop_at && chmod 755 .stop_at && {copy} && sync .stop_at {copies} ."
    host.run("sh", "-c", put, stdin=_STAND_IN.read_text())
    try:
        yield
    finally:
        host.run("sh", "-c", f"cd {_PLACE} && rm {copies} .stop_at && systemctl restart auren-watchdog")


@contextlib.contextmanager
def standing_at(host: Host, step: Step) -> Iterator[Standing]:
    """The script of the next deployment will stand still there. The `stand_ins` are needed."""
    host.run("mkdir", _STATE)
    host.run("sh", "-c", f"cat >{_STATE}/order", stdin=step.order)
    host.run("sh", "-c", f"cat >{_STATE}/call", stdin=step.call)
    try:
        yield Standing(host, step.order)
    finally:
        host.run("rm", "-rf", _STATE)
