"""What a machine was sent by each command, and what it will be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auren_infra.host import sent
from auren_infra.review.preview import Step

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


def changes(steps: Sequence[Step]) -> list[Change]:
    return [Change(step, _command(step, step.old), _command(step, step.new)) for step in steps]


def _command(step: Step, inputs: Mapping[str, Any] | None) -> sent.Command | None:
    create = (inputs or {}).get("create")
    if step.type != sent.TYPE or inputs is None or not isinstance(create, str) or len(create) > _LONGEST_CALL:
        return None
    try:
        return sent.read(step.urn, inputs)
    except ValueError:  # a quote that does not end, or no `--`: `Machine.run` did not write it
        return None
