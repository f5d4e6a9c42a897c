"""The faults of a configuration, and how they are reported: the key, the reason, and the repair."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

NAMESPACE = "auren"
HOW_TO_SET = (
    "Change a value with `pulumi config set KEY VALUE`, an entry of a list with "
    "`pulumi config set --path 'KEY[0]' VALUE`, or edit Pulumi.STACK.yaml."
)


class SettingsError(ValueError):
    """The configuration's faults, one a line, each with its key and the repair."""


@dataclass(frozen=True)
class Fault:
    where: str
    """The key (`auren:domain`), or the file of the program that is wrong."""
    what: str
    """The reason and the repair; further lines are details."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def joined(faults: Sequence[Fault], more: Sequence[Fault]) -> list[Fault]:
    """All of them, with one fault for each place: who repairs a value reads one line about it."""
    found = {fault.where: fault for fault in faults}
    for fault in more:
        known = found.get(fault.where)
        # In front: the first one ends with the value.
        found[fault.where] = Fault(fault.where, f"{fault.what}; {known.what}") if known else fault
    return [*found.values()]


def refusal(faults: Sequence[Fault]) -> SettingsError:
    """All of them in one message, for a person."""
    lines = [f"The configuration has {len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was touched."]
    lines += [str(fault).replace("\n", "\n    ").join(("  ", "")) for fault in faults]
    if any(fault.where.startswith(f"{NAMESPACE}:") for fault in faults):
        lines.append(HOW_TO_SET)
    return SettingsError("\n".join(lines))


def wrong(message: str, **context: object) -> PydanticCustomError:
    """A fault, for a validator to raise. `message` may name `context` in braces."""
    return PydanticCustomError("setting", message, context)  # pyright: ignore[reportArgumentType]: a literal is for i18n
