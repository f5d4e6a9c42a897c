"""What is wrong with a configuration, and how it is told: where it is, why, and what would be right."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

NAMESPACE = "auren"


class SettingsError(ValueError):
    """The configuration's faults, one a line, each with its key and the mend."""


@dataclass(frozen=True)
class Fault:
    where: str
    """The key (`auren:domain`), or the file of the program that is wrong."""
    what: str
    """The reason and the mend; lines after the first are its arithmetic."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def refusal(faults: Sequence[Fault]) -> SettingsError:
    """All of them in one message, for a person."""
    lines = [f"The configuration has {len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was touched."]
    lines += [str(fault).replace("\n", "\n    ").join(("  ", "")) for fault in faults]
    if any(fault.where.startswith(f"{NAMESPACE}:") for fault in faults):
        lines.append("Change a value with `pulumi config set KEY VALUE`, or in the stack's Pulumi.STACK.yaml.")
    return SettingsError("\n".join(lines))


def wrong(message: str, **context: object) -> PydanticCustomError:
    """What a validator raises. `message` may name `context` in braces."""
    return PydanticCustomError("setting", message, context)  # pyright: ignore[reportArgumentType]: a literal is for i18n
