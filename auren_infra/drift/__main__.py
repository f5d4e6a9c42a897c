"""`python -m auren_infra.drift`: the difference between what runs and what was deployed, a line each."""

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from auren_infra.drift import compare, length, repairs, state
from auren_infra.drift.facts import LookError
from auren_infra.drift.finding import Finding
from auren_infra.drift.look import look
from auren_infra.drift.state import StateError
from auren_infra.outputs import source
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName, stack_name

SAME, DIFFERENT, UNKNOWN = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra.drift",
        description="Compares what runs on the machine with what was deployed to it. Changes nothing.",
        epilog="Ends with 0: the same; 1: a line for each difference, with its repair; 2: it could not be looked at.",
    )
    parser.add_argument("--stack", metavar="NAME", type=stack_name, help="this stack, instead of the selected one")
    chosen: StackName | None = parser.parse_args(arguments).stack
    stack = chosen and chosen.for_pulumi
    try:
        commands = state.commands(source.ask("stack", "export", stack=stack))
        facts = look(source.of_stack(stack, secrets=True), commands)
        found = compare.findings(commands, facts)
    except (OutputsError, StateError, LookError) as error:
        print(f"error: {error}", file=sys.stderr)
        return UNKNOWN
    except (LookupError, ValueError) as error:
        # Not status 1: what was not understood is no difference.
        print(f"error: The state or the machine tells otherwise than this program knows: {error!r}", file=sys.stderr)
        print("Look with the checkout that the stack was deployed with.", file=sys.stderr)
        return UNKNOWN
    print(report(found, stack), end="")
    return DIFFERENT if found else SAME


def report(found: Sequence[Finding], stack: str | None) -> str:
    """A line for each difference, then the repairs of all of them in their order. Bounded: `length`."""
    if not found:
        return "The machine is what was deployed.\n"
    lines = length.lines(found, stack)
    if steps := repairs.in_order(found, stack):
        lines += ["", *steps]
    return "".join(f"{line}\n" for line in lines)


def _cancelled(_number: int, _frame: FrameType | None) -> None:
    """Like an exception: the file that holds the key is removed."""
    sys.exit(UNKNOWN)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _cancelled)
    sys.exit(main())
