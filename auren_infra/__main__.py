"""`python -m auren_infra COMMAND`: all commands of the program that are not Pulumi's own."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

from auren_infra import __version__
from auren_infra.command_line import NOT_DONE, run

COMMANDS = {
    "access": "open SSH to one address for a bounded time, close it again, check who else is let in",
    "backup": "make, list and judge the backups of PostgreSQL, and practise a restore",
    "drift": "compare the machine with what was deployed",
    "leftovers": "list what the clouds have of a stack, and its state does not know",
    "move-in": "move the data of a machine that scripts have set up to the stack's, and back",
    "outputs": "print a stack's outputs in the format of a tool",
    "release": "write the new image of a service or of the website into the stack's configuration file",
    "releases": "print the releases that the machine keeps, and its history",
    "restore": "bring the data of PostgreSQL, or of another store, back in place",
    "review": "preview a stack, and print the comment for a pull request",
    "rollback": "have a service run an earlier release again",
    "state": "create the bucket that a team shares, print an earlier state",
}
"""Each command is a package with this name, with `_` for `-`. Its `__main__.py` has the function `main`."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    match given:
        case ["-h" | "--help", *_]:
            print(_help())
            return 0
        case ["--version", *_]:
            print(__version__)
            return 0
        case [name, *rest] if name in COMMANDS:
            # Imported only now: a command must not wait for the packages of the others.
            status: int = import_module(f"auren_infra.{name.replace('-', '_')}.__main__").main(rest)
            return status
        case _:
            print(_refusal(given), file=sys.stderr)
            return NOT_DONE


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {says}" for name, says in COMMANDS.items()]
    return "\n".join(
        [
            "usage: python -m auren_infra COMMAND [--stack STACK] [...]",
            "",
            "commands:",
            *lines,
            "",
            "`python -m auren_infra COMMAND --help` says what a command needs and how it ends.",
            "`python -m auren_infra --version` prints the version.",
        ]
    )


def _refusal(given: Sequence[str]) -> str:
    if not given:
        return _help()
    first, names = given[0], ", ".join(COMMANDS)
    if first.startswith("-"):
        return f"error: {first} stands before the command. Write the command first, one of: {names}."
    nearest = "".join(
        f" Did you mean `python -m auren_infra {near}`?" for near in get_close_matches(first, COMMANDS, n=1)
    )
    return f"error: There is no command {first!r}.{nearest} The commands are: {names}."


if __name__ == "__main__":
    run(main)
