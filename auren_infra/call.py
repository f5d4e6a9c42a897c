"""A command on a machine as it is sent: its command line and its standard input, written and read here alone.

The command line names the order, so no reader guesses from the text of a script:
`env LC_ALL=C AUREN_ORDER=put_file flock … timeout … bash -s -- ARGUMENT…`. The standard input is the order's script.
Its data stands behind the script's last line.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TYPE = "command:remote:Command"
LOCALE = ("env", "LC_ALL=C")
"""Before every command on a machine: what it sorts, parses and prints is the same whatever the machine's locale is."""
_ORDER = "AUREN_ORDER="
_BASH = ("bash", "-s", "--")
_LAST_LINE = 'main "$@"; exit\n'
"""Of every script; its data begins right behind it."""


@dataclass(frozen=True)
class Call:
    """A command as it was sent, or is going to be."""

    id: str
    """Of the order. Empty when it cannot be seen, and for a command of an earlier version, which names none."""
    arguments: tuple[str, ...]
    """Empty when they are not known yet."""
    script: str
    """The script's text; empty when it cannot be seen, as it is with a secret behind it."""
    data: str | None
    """None when it cannot be seen."""


def line(order: str, arguments: Sequence[str], *, lock: str, seconds: int) -> str:
    """The command line of the order with this id. `seconds` bounds the wait for the lock, and then the script."""
    bound = str(seconds)
    return shlex.join(
        [*LOCALE, f"{_ORDER}{order}", "flock", "-w", bound, lock, "timeout", bound, *_BASH, *arguments],
    )


def read(create: Any, stdin: Any) -> Call:
    """The call with these inputs. One that is no text is a secret, or not known yet.

    Raises `ValueError` for a command line that `line` did not write.
    """
    order, arguments = _words(create) if isinstance(create, str) else ("", ())
    if not isinstance(stdin, str):
        return Call(order, arguments, "", None)
    # The last line may be the only one.
    head, last_line, data = f"\n{stdin}".partition(f"\n{_LAST_LINE}")
    return Call(order, arguments, (head + last_line)[1:], data)


def _words(create: str) -> tuple[str, tuple[str, ...]]:
    words = shlex.split(create)
    at = words.index(_BASH[-1])
    before, arguments = words[:at], words[at + 1 :]
    ids = [word.removeprefix(_ORDER) for word in before if word.startswith(_ORDER)]
    return (ids[0] if ids else ""), tuple(arguments)
