"""The stack after its last update, read from the engine's state.

This adds no resource, calls no cloud, and works in a preview. It must run before anything is registered: afterwards the
engine returns the state of this update.
"""

import time
from typing import Any, cast

import pulumi

from auren_infra.settings import SettingsError
from auren_infra.settings.deployed import Deployed, of_outputs, of_resources

PATIENCE = 30.0
"""Seconds to wait for a state that can be read."""
_PAUSE = 0.2


def last_update() -> Deployed:
    """Read the stack's outputs, or its resources if no update has succeeded yet: one may have failed halfway."""
    return of_outputs(_asked("readStackOutputs", "name")) or last_update_in_full()


def last_update_in_full() -> Deployed:
    """Read the stack's resources. They contain everything that is sent to the machine: with a website of 16 MB, the
    engine needs ten times as long for them as for the outputs."""
    return of_resources(_asked("readStackResourceOutputs", "stackName"))


def _asked(function: str, argument: str) -> dict[str, Any]:
    """Ask the engine's own provider. Raises `SettingsError` when it cannot read the state.

    An update writes the state while the program starts. A backend of files does this in several steps, so the engine
    may read an incomplete state ("failed to load checkpoint: EOF"). Then the request is repeated.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = pulumi.runtime.invoke(f"pulumi:pulumi:{function}", {argument: name}).value
            return cast("dict[str, Any]", answer)["outputs"]
        except Exception as error:  # the SDK has no narrower one
            if time.monotonic() > deadline:
                raise SettingsError(f"The stack's state could not be read, and nothing was touched:\n{error}") from None
        time.sleep(_PAUSE)
