"""`python -m auren_infra rollback`: a service runs an earlier release again."""

import argparse
import sys
from collections.abc import Sequence

from auren_infra.command_line import run, told
from auren_infra.outputs import machine
from auren_infra.outputs.stack_name import stack_name

_SECONDS = 1800
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
    parser.add_argument("--stack", metavar="NAME", type=stack_name, help="this stack, instead of the selected one")
    parser.add_argument("--service", metavar="NAME", required=True, help="such as api")
    parser.add_argument(
        "--to", metavar="RELEASE", help="one that `python -m auren_infra releases` shows, instead of the one before"
    )
    options = parser.parse_args(arguments)
    words = [options.service, *([options.to] if options.to else [])]
    status = machine.tell(options.stack, "auren-rollback", *words, seconds=_SECONDS)
    if status == machine.DONE:
        print(_NEXT, end="", file=sys.stderr)
    return status


_NEXT = """\
The configuration still names the other release, and `python -m auren_infra drift` says so until it does not.
Take the change back in the repository: `pulumi up` then finds this release running, and leaves it alone.
"""


if __name__ == "__main__":
    run(main)
