"""`python -m auren_infra rollback`: a service runs an earlier release again."""

import argparse
from collections.abc import Sequence
from functools import partial

from auren_infra.command_line import run, told
from auren_infra.exported import StateError
from auren_infra.outputs import machine
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName, add_stack_option
from auren_infra.rollback import pending

_SECONDS = 3600
"""More than the wait for a deployment, the longest start and the end of the container before it."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra rollback",
        **told(
            does="Has a service run an earlier release again: image, settings and secrets as they were. The machine "
            "has kept them, so nothing is pulled. Data does not go back. "
            "On the machine, `auren-rollback` does the same.",
            needs=machine.NEEDS,
            ends={
                machine.DONE: "the earlier release runs and is healthy",
                machine.REFUSED: "it does not; standard error says what happened",
                machine.NOT_ASKED: "the call was wrong, or the machine could not be asked; standard error says why",
            },
            examples=[
                "rollback --stack prod --service api",
                "rollback --stack prod --service api --to 3f2a9c0d1e4b5a67",
            ],
        ),
    )
    add_stack_option(parser)
    parser.add_argument("--service", metavar="NAME", required=True, help="such as api")
    parser.add_argument(
        "--to", metavar="RELEASE", help="one that `python -m auren_infra releases` shows, instead of the one before"
    )
    options = parser.parse_args(arguments)
    stack: StackName | None = options.stack
    words = [options.service, *([options.to] if options.to else [])]
    then = partial(_next, stack and stack.for_pulumi, options.service)
    return machine.tell(stack, "auren-rollback", *words, seconds=_SECONDS, then=then)


def _next(stack: str | None, service: str, said: str) -> str:
    try:
        return _AWAY if pending.marked(stack, service, said) else _BACK
    except (OutputsError, StateError) as error:
        return _UNMARKED.format(error=error)


_AWAY = """\
The configuration still names the other release. The next preview shows it, and the next `pulumi up` deploys it again.
To stay with this one, take the change back in the repository: `pulumi up` then finds it running, and leaves it alone.
"""
_BACK = """\
It is the release that the configuration was deployed with last.
"""
_UNMARKED = """\
warning: The stack's state could not be marked, so the next preview does not show the rollback. Drift does.
{error}
"""


if __name__ == "__main__":
    run(main)
