"""The look for drift, as an operator calls it."""

import subprocess
import sys

from sandbox import environment, layout
from tests.local.deployment import STACK

RIGHT = "The machine is what was deployed.\n"


def drift() -> tuple[int, str]:
    """Its exit status, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "auren_infra.drift", "--stack", STACK],
        cwd=layout.PROJECT,
        env=environment.complete(STACK),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout
