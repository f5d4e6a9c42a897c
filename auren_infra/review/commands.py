"""What a machine was sent by each command, and what it will be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from auren_infra import bundle
from auren_infra.call import TYPE, Call, read
from auren_infra.host.orders import ContainerFirewall, DataDisk, Jobs, LogRotation, Programs, Stage, Supervision
from auren_infra.release_text import COMMAND, Release
from auren_infra.review.preview import Hidden, Step

_LONGEST_CALL = 10_000
"""`Machine.run` has the script and its data on standard input, and a short call; a long one is somebody else's."""


@dataclass(frozen=True)
class Change:
    """A step, and the command that it is about."""

    step: Step
    old: Call | None = None
    """None: there is none yet, or the step is about no command of `Machine.run`."""
    new: Call | None = None

    @property
    def is_command(self) -> bool:
        """Whether it is about a command of `Machine.run`. Any other command over SSH is a resource like all others."""
        return bool(self.old or self.new)

    @property
    def order(self) -> str:
        """The id of the order that the command carries out; empty when it cannot be seen.

        An earlier version named no order. A command of the same resource carries out the same one.
        """
        return (self.new and self.new.id) or (self.old and self.old.id) or ""

    @property
    def released(self) -> str:
        """The service whose release the command stages; empty for all other commands."""
        known = (*(self.new.arguments if self.new else ()), *(self.old.arguments if self.old else ()))
        if self.order:
            return known[0] if known and self.order == Stage.id else ""
        # The command line is not known before the digests of the secrets are. The name of the resource begins with
        # `auren:name`, which any stack may have.
        if not self.is_command or not self.step.name.endswith(COMMAND):
            return ""
        return known[0] if known else _service(self.new) or self.step.name.removesuffix(COMMAND)

    @property
    def data(self) -> tuple[str, str]:
        """What the command was given, and what it will be.

        An earlier version sent the first of several files alone, and not as one text of files. Then only that file is
        compared: what the others were cannot be seen.
        """
        before, after = (self.old and self.old.data) or "", (self.new and self.new.data) or ""
        if before and self.order in _SEVERAL_FILES and not _files(before):
            return before, next(iter(_files(after).values()), after)
        return before, after


def _service(command: Call | None) -> str:
    """The service of the release that the command stages; empty when it cannot be seen."""
    found = release(command)
    try:
        return next(iter(yaml.safe_load(found.compose)["services"]), "") if found else ""
    except (yaml.YAMLError, LookupError, TypeError):
        return ""


_SEVERAL_FILES = {order.id for order in (ContainerFirewall, DataDisk, Jobs, LogRotation, Programs, Supervision)}
"""The orders with several files in one text."""


def _files(data: str) -> dict[str, str]:
    """Empty for a text of another kind."""
    try:
        return bundle.unpack(data)
    except ValueError:
        return {}


def release(command: Call | None) -> Release | None:
    """The release that the command stages. None when it cannot be seen, or another program has written it."""
    if command is None or command.data is None:
        return None
    try:
        # A command line that is not known yet has the digests of the secrets.
        return Stage.parse(command.arguments or ("",), command.data).release()
    except ValueError:
        return None


def changes(steps: Sequence[Step]) -> list[Change]:
    return [Change(step, _command(step, step.old), _command(step, step.new)) for step in steps]


def _command(step: Step, inputs: Mapping[str, Any] | None) -> Call | None:
    create = (inputs or {}).get("create")
    if step.type != TYPE or inputs is None or (isinstance(create, str) and len(create) > _LONGEST_CALL):
        return None
    if not isinstance(create, (str, Hidden)):
        return None
    try:
        return read(create, inputs.get("stdin", ""))
    except ValueError:  # a quote that does not end, or no `--`: `Machine.run` did not write it
        return None
