"""What the stack's last update left behind: asked of the engine, which has it in its state.

To ask adds no resource, calls no cloud, and works in a preview. It must be done before anything is registered:
afterwards the state is this update's.
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
    """By the stack's outputs, or by its resources when no update has succeeded yet: one may have failed half-way."""
    return of_outputs(_asked("readStackOutputs", "name")) or last_update_in_full()


def last_update_in_full() -> Deployed:
    """By the stack's resources. They are all that is sent to the machine, too: with a website of 16 MB, it takes the
    engine ten times as long to hand them over as the outputs."""
    return of_resources(_asked("readStackResourceOutputs", "stackName"))


def _asked(function: str, argument: str) -> dict[str, Any]:
    """Ask the engine's own provider. Raises `SettingsError` when it cannot read the state.

    An update writes the state while the program begins. A backend of files does that in several steps, so the engine
    may find half of it ("failed to load checkpoint: EOF"). Then it is asked again.
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
