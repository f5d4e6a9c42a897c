"""The look for drift, as an operator calls it."""

from tests.local.deployment import called

RIGHT = "The machine is what was deployed.\n"


def drift() -> tuple[int, str]:
    """Its exit status, and what it printed."""
    done = called("drift", timeout=300)
    assert done.stderr == ""
    return done.returncode, done.stdout
