"""What was deployed: the commands in a stack's state, as `pulumi stack export` has it."""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_LAST_LINE = '\nmain "$@"; exit\n'
"""Of every script; what it was given stands right behind it."""


class StateError(RuntimeError):
    """The state does not tell what was deployed; the text says why, and what to do."""


@dataclass(frozen=True)
class Command:
    """One command as it was run."""

    urn: str
    arguments: tuple[str, ...]
    script: str
    """The script's text; empty when it is secret, as it is with a secret behind it."""
    data: str | None
    """What the script was given; None when that is secret."""

    @property
    def name(self) -> str:
        """The script's name, the first word of its first comment."""
        words = self.script.partition("\n# ")[2].split(maxsplit=1)
        return words[0].rstrip(":") if words else ""


def commands(export: str) -> list[Command]:
    """Every command that was run on the machine, from what `pulumi stack export` printed.

    Raises `StateError` while the state is not that of a finished update.
    """
    deployment: dict[str, Any] = json.loads(export).get("deployment") or {}
    resources: list[dict[str, Any]] = deployment.get("resources") or []
    if deployment.get("pending_operations"):
        raise StateError(
            "An update of this stack is running, or was cut, so its state does not tell what is deployed. "
            "When none is running: `pulumi refresh`, then `pulumi up`."
        )
    found = [
        _command(resource["urn"], resource["inputs"])
        for resource in resources
        if resource["type"] == "command:remote:Command" and not resource.get("delete")
    ]
    if not found:
        raise StateError("Nothing was deployed to a machine by this stack yet: `pulumi up` first.")
    return found


def of(commands: Iterable[Command], *names: str) -> list[Command]:
    """Those that ran these scripts."""
    return [command for command in commands if command.name in names]


def _command(urn: str, inputs: dict[str, Any]) -> Command:
    sent = inputs.get("stdin", "")
    if isinstance(sent, str):
        head, last_line, data = sent.partition(_LAST_LINE)
        return Command(urn, _arguments(inputs["create"]), head + last_line, data)
    return Command(urn, _arguments(inputs["create"]), "", None)


def _arguments(create: str) -> tuple[str, ...]:
    words: Sequence[str] = shlex.split(create)
    return tuple(words[words.index("--") + 1 :])
