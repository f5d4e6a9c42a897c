"""The faults of a configuration, and how they are reported: the key, the reason, and the repair."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

NAMESPACE = "auren"
HOW_TO_SET = (
    "Change a value with `pulumi config set KEY VALUE`, an entry of a list with "
    "`pulumi config set --path 'KEY[0]' VALUE`, or edit Pulumi.STACK.yaml."
)


ENCRYPTED = (
    "is refused, and the reason would show a part of the value, which is encrypted; docs/settings.md says how to write "
    "it, and if it is no secret, set it without `--secret` to read the reason"
)
"""Stands for the reason of a fault that would repeat an encrypted value."""


class SettingsError(ValueError):
    """All faults of the configuration, one per line, each with its key and the repair."""


@dataclass(frozen=True)
class Fault:
    where: str
    """The key (`auren:domain`), or the wrong file of the program."""
    what: str
    """The reason and the repair; further lines are details."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def joined(faults: Sequence[Fault], more: Sequence[Fault]) -> list[Fault]:
    """All faults, combined to one fault per key, so that each key has one line in the message."""
    found = {fault.where: fault for fault in faults}
    for fault in more:
        known = found.get(fault.where)
        if known and fault.what == known.what:
            continue
        # The new text comes first, because the known one ends with the value.
        found[fault.where] = Fault(fault.where, f"{fault.what}; {known.what}") if known else fault
    return [*found.values()]


def refusal(faults: Sequence[Fault]) -> SettingsError:
    """One message with all faults."""
    lines = [f"The configuration has {len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was touched."]
    lines += [str(fault).replace("\n", "\n    ").join(("  ", "")) for fault in faults]
    if any(fault.where.startswith(f"{NAMESPACE}:") for fault in faults):
        lines.append(HOW_TO_SET)
    return SettingsError("\n".join(lines))


def wrong(message: str, **context: object) -> PydanticCustomError:
    """The error that a validator raises. `message` may contain `context` in braces."""
    return PydanticCustomError("setting", message, context)  # pyright: ignore[reportArgumentType]: a literal is for i18n
