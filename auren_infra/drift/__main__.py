"""`python -m auren_infra drift`: the difference between what runs and what was deployed, a line each."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import yaml

from auren_infra import exported
from auren_infra.command_line import NOT_DONE, run_old_call, told
from auren_infra.drift import compare, length, repairs
from auren_infra.drift.facts import LookError
from auren_infra.drift.finding import Finding
from auren_infra.drift.look import look
from auren_infra.exported import StateError
from auren_infra.host.expected import expected
from auren_infra.outputs import machine, source
from auren_infra.outputs.machine import MachineError
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName, add_stack_option

SAME, DIFFERENT, UNKNOWN = 0, 1, NOT_DONE


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra drift",
        **told(
            does="Compares what runs on the machine with what was deployed to it, and prints a line for each "
            "difference with its repair. Changes nothing.",
            needs=machine.NEEDS,
            ends={
                SAME: "the machine is what was deployed",
                DIFFERENT: "it differs; the lines say in what",
                UNKNOWN: "it could not be looked at; standard error says why",
            },
            examples=["drift --stack prod"],
        ),
    )
    add_stack_option(parser)
    chosen: StackName | None = parser.parse_args(arguments).stack
    stack = chosen and chosen.for_pulumi
    try:
        deployed = exported.parse(source.ask("stack", "export", "--show-secrets", stack=stack))
        wanted = expected(exported.commands(deployed))
        facts = look(source.of_stack(stack, secrets=True), wanted, exported.digest_key(deployed))
        found = compare.findings(wanted, facts, exported.login_key(deployed), datetime.now(UTC))
    except (OutputsError, StateError, LookError, MachineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return UNKNOWN
    except (LookupError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
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


if __name__ == "__main__":
    run_old_call("drift", main)
