"""What a machine was sent by each command, and what it will be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auren_infra.host import sent
from auren_infra.release_text import COMMAND, Release, parse
from auren_infra.review.preview import Hidden, Step

_LONGEST_CALL = 10_000
"""`Machine.run` has the script and its data on standard input, and a short call; a long one is somebody else's."""


@dataclass(frozen=True)
class Change:
    """A step, and the command that it is about."""

    step: Step
    old: sent.Command | None = None
    """None: there is none yet, or the step is about no command of `Machine.run`."""
    new: sent.Command | None = None

    @property
    def is_command(self) -> bool:
        """Whether it is about a command of `Machine.run`. Any other command over SSH is a resource like all others."""
        return bool(self.old or self.new)

    @property
    def script(self) -> str:
        """The name of the script that the command runs; empty when it cannot be seen."""
        return (self.new and self.new.name) or (self.old and self.old.name) or ""

    @property
    def released(self) -> str:
        """The service whose release the command stages; empty for all other commands."""
        known = (*(self.new.arguments if self.new else ()), *(self.old.arguments if self.old else ()))
        name = self.step.name.removesuffix(COMMAND)
        service = known[0] if known else name
        if self.script:
            return service if self.script == "stage" else ""
        # The script is hidden with the text behind it, as it is with an image that is not built yet.
        return service if self.is_command and self.step.name == f"{service}{COMMAND}" else ""


def release(command: sent.Command | None) -> Release | None:
    """The release that the command stages. None when it cannot be seen, or another program has written it."""
    if command is None or command.data is None:
        return None
    try:
        return parse(command.data, command.arguments[1:])
    except ValueError:
        return None


def changes(steps: Sequence[Step]) -> list[Change]:
    return [Change(step, _command(step, step.old), _command(step, step.new)) for step in steps]


def _command(step: Step, inputs: Mapping[str, Any] | None) -> sent.Command | None:
    create = (inputs or {}).get("create")
    if step.type != sent.TYPE or inputs is None or (isinstance(create, str) and len(create) > _LONGEST_CALL):
        return None
    if not isinstance(create, (str, Hidden)):
        return None
    try:
        return sent.read(step.urn, inputs)
    except ValueError:  # a quote that does not end, or no `--`: `Machine.run` did not write it
        return None
