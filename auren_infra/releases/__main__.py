"""`python -m auren_infra releases`: the releases that the machine keeps, and its history."""

import argparse
from collections.abc import Sequence

from auren_infra.command_line import run, told
from auren_infra.outputs import machine
from auren_infra.outputs.stack_name import add_stack_option

_SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra releases",
        **told(
            does="Prints the releases that are kept on the machine: since when, of which commit, the image, and "
            "whether it is the current, the previous or a failed one. Then the last deployments and rollbacks. "
            "On the machine, `auren-releases` prints the same.",
            needs=machine.NEEDS,
            ends={
                machine.DONE: "the releases were printed",
                machine.REFUSED: "the machine has no such service; standard error says so",
                machine.NOT_ASKED: "the call was wrong, or the machine could not be asked; standard error says why",
            },
            examples=["releases --stack prod", "releases --stack prod --service api"],
        ),
    )
    add_stack_option(parser)
    parser.add_argument("--service", metavar="NAME", help="only this one's, such as api")
    options = parser.parse_args(arguments)
    words = [options.service] if options.service else []
    return machine.tell(options.stack, "auren-releases", *words, seconds=_SECONDS)


if __name__ == "__main__":
    run(main)
