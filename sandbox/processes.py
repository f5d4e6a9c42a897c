"""A process that outlives the command that started it, found again by its pidfile.

A pidfile alone proves nothing after a reboot: the number may belong to anybody by then. So a process counts as ours
only when its command line holds the words that ours was started with, and only then is it signalled.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BackgroundProcess:
    name: str
    """For messages."""
    pidfile: Path
    marks: tuple[str, ...]
    """Words that the process's command line must contain, each as a whole argument."""
    log: Path

    def pid(self) -> int | None:
        """The process's id when it runs and is ours."""
        try:
            pid = int(self.pidfile.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except (OSError, ValueError):
            return None
        return pid if pid > 0 and set(self.marks) <= set(arguments) else None

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> int:
        """Start it in a session of its own, its output appended to the log."""
        self.pidfile.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=dict(environment) if environment is not None else None,
                cwd=directory,
            )
        self.pidfile.write_text(f"{process.pid}\n")
        # Its command line shows a moment after Popen returns; until then it is not known as ours.
        deadline = time.monotonic() + 5
        while self.pid() is None and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        # It is meant to outlive this object: without this, Popen warns that it is still running.
        process.returncode = 0
        return process.pid

    def stop(self, seconds: float = 30) -> bool:
        """Terminate it, and kill it if it does not end; False when it was not running."""
        pid = self.pid()
        if pid is None:
            self.pidfile.unlink(missing_ok=True)
            return False
        for number, bound in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
            if _gone_within(pid, bound):
                break
        self.pidfile.unlink(missing_ok=True)
        return True

    def last_lines(self, count: int = 20) -> list[str]:
        return last_lines(self.log, count)


def last_lines(log: Path, count: int = 20) -> list[str]:
    """The end of a log, for a message; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64 * 1024))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


def _gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # reaps it when this very process started it
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False
