"""The mark in the stack's state that a service was rolled back: its start is done again by the next update.

The engine calls a resource with such a mark tainted. A preview shows it as one that is replaced. To replace a command
is to run it, since no command has a `delete`.
"""

import re

from auren_infra import exported
from auren_infra.exported import StateError
from auren_infra.host.orders import Start
from auren_infra.host.sent import of
from auren_infra.outputs import source


def marked(stack: str | None, service: str, said: str) -> bool:
    """Mark the start of the service, or take the mark away when the machine runs the release of the last update again.

    `said` is what `auren-rollback` has printed. The result is whether there is a mark now. Raises `OutputsError` and
    `StateError` when the state cannot be read or written.
    """
    commands = exported.commands(exported.parse(source.ask("stack", "export", stack=stack)))
    starts = {command.order.service: command for command in of(commands, Start)}
    runs = re.search(r" runs ([0-9a-f]{16})\b", said)
    if service not in starts or not runs:
        raise StateError(f"The state or the machine tells otherwise of {service} than this program knows.")
    start = starts[service]
    away = (start.order.staged or "").partition(" ")[0] != runs[1]
    source.ask("state", "taint" if away else "untaint", start.urn, "--yes", stack=stack)
    return away
