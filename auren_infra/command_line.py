"""How the commands of `python -m auren_infra` are started, and how their help looks."""

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from textwrap import fill
from types import FrameType
from typing import NoReturn, TypedDict

NOT_DONE = 2
"""The exit status of a wrong call and of a command that was cancelled. argparse uses it as well."""

_WIDTH = 100


class Help(TypedDict):
    """What `argparse.ArgumentParser` and `add_parser` take."""

    description: str
    epilog: str
    formatter_class: type[argparse.HelpFormatter]


def told(*, does: str, needs: str, ends: Mapping[int, str], examples: Sequence[str]) -> Help:
    """The help of a command: what it does, what it needs, its exit statuses, and examples."""
    statuses = "\n".join(
        fill(f"  {status}  {meaning}", _WIDTH, subsequent_indent="     ") for status, meaning in ends.items()
    )
    calls = "\n".join(f"  python -m auren_infra {example}" for example in examples)
    needed = fill(needs, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return Help(
        description=fill(does, _WIDTH),
        epilog=f"needs:\n{needed}\n\nexit status:\n{statuses}\n\nexamples:\n{calls}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def confirmed() -> bool:
    """Whether somebody at the terminal types `yes`. If not, it says that nothing was changed."""
    if not sys.stdin.isatty():
        print("error: Nobody can be asked here, so nothing was changed. With --yes, nobody is.", file=sys.stderr)
        return False
    print("Type yes to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() == "yes":
        return True
    print("Nothing was changed.", file=sys.stderr)
    return False


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command and end the process with its status."""
    signal.signal(signal.SIGTERM, _cancelled)
    sys.exit(main())


def run_old_call(name: str, main: Callable[[], int]) -> NoReturn:
    """Run `python -m auren_infra.NAME`, the call of version 0. Version 2 does not have it any more."""
    print(
        f"The call `python -m auren_infra.{name}` is old and ends with version 2. Use `python -m auren_infra {name}`.",
        file=sys.stderr,
    )
    run(main)


def _cancelled(_number: int, _frame: FrameType | None) -> None:
    """End like after an exception, so that files with a key are removed."""
    sys.exit(NOT_DONE)
