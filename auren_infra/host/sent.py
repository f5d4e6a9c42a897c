"""What a command on a machine was sent, read back from a resource's inputs: `Machine.run` the other way round."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TYPE = "command:remote:Command"

_LAST_LINE = '\nmain "$@"; exit\n'
"""Of every script; what it was given stands right behind it."""


@dataclass(frozen=True)
class Command:
    """One command as it was run, or is going to be."""

    urn: str
    arguments: tuple[str, ...]
    """Empty when they are not known yet."""
    script: str
    """The script's text; empty when it cannot be seen, as it is with a secret behind it."""
    data: str | None
    """What the script was given; None when that cannot be seen."""

    @property
    def name(self) -> str:
        """The script's name, the first word of its first comment."""
        words = self.script.partition("\n# ")[2].split(maxsplit=1)
        return words[0].rstrip(":") if words else ""


def read(urn: str, inputs: Mapping[str, Any]) -> Command:
    """The command with these inputs. Standard input that is no text is a secret, or not known yet."""
    arguments = _arguments(inputs["create"])
    sent = inputs.get("stdin", "")
    if isinstance(sent, str):
        head, last_line, data = sent.partition(_LAST_LINE)
        return Command(urn, arguments, head + last_line, data)
    return Command(urn, arguments, "", None)


def _arguments(create: Any) -> tuple[str, ...]:
    if not isinstance(create, str):
        return ()
    words = shlex.split(create)
    return tuple(words[words.index("--") + 1 :])
