"""One way to run a program of this machine: bounded, and its complaint becomes the error's text."""

import shlex
import subprocess
from collections.abc import Sequence

from sandbox.droplets.hypervisor import HypervisorError


def run(command: Sequence[str], *, stdin: str | None = None, timeout: float = 60, good: Sequence[int] = (0,)) -> str:
    """Its standard output. Fails when the program is missing, takes too long or ends with a status that is not good."""
    text = shlex.join(command)
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise HypervisorError(f"`{command[0]}` is not installed: `python -m sandbox start` installs it.") from error
    except subprocess.TimeoutExpired as error:
        raise HypervisorError(f"`{text}` did not end within {timeout:g} s.") from error
    if done.returncode not in good:
        raise HypervisorError(f"`{text}` failed: {(done.stderr or done.stdout).strip() or f'status {done.returncode}'}")
    return done.stdout


def succeeds(command: Sequence[str], *, timeout: float = 60) -> bool:
    """Whether it ends with status 0: for programs that answer a question that way."""
    return subprocess.run(command, capture_output=True, timeout=timeout, check=False).returncode == 0
