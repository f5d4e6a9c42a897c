"""`python -m auren_infra state`: creates the bucket that a team shares, and reads an earlier state from it."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime

from auren_infra.command_line import NOT_DONE, Help, run_old_call, told
from auren_infra.moment import moment
from auren_infra.outputs import source
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName, stack_name
from auren_infra.state import bucket, earlier
from auren_infra.state.bucket import StateError

_CREATE = "state create --bucket auren-state --region nyc3"
_CREATE_NEEDS = "create: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of a Spaces key with full access."
_EARLIER = "state earlier --stack prod --at 2026-03-01T16:00Z > earlier.json"
_EARLIER_NEEDS = "earlier: pulumi on PATH, a login to the bucket, and a key that reads it."


def _told(does: str, needs: str, *examples: str) -> Help:
    ends = {
        0: "done",
        1: "it could not be done; standard error says why",
        NOT_DONE: "the call was wrong, or it was cancelled",
    }
    return told(does=does, needs=needs, ends=ends, examples=examples)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        if options.command == "create":
            _create(options.bucket, options.region)
        else:
            _earlier(options.stack, options.at)
    except (OutputsError, StateError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra state",
        **_told(
            "Creates the bucket that holds a team's state, and prints an earlier state. docs/state.md says more.",
            f"{_CREATE_NEEDS} {_EARLIER_NEEDS}",
            _CREATE,
            _EARLIER,
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = commands.add_parser(
        "create",
        help="create the bucket, private and with versions",
        **_told("Creates the bucket, private and with versions. It can be repeated.", _CREATE_NEEDS, _CREATE),
    )
    create.add_argument("--bucket", metavar="NAME", required=True, help="such as auren-state")
    create.add_argument("--region", metavar="REGION", required=True, help="such as nyc3")
    before = commands.add_parser(
        "earlier",
        help="print the state as it was at a time, for `pulumi stack import`",
        **_told("Prints the state as it was at a time, for `pulumi stack import`.", _EARLIER_NEEDS, _EARLIER),
    )
    before.add_argument("--stack", metavar="NAME", required=True, type=stack_name, help="such as prod")
    before.add_argument("--at", metavar="TIME", required=True, type=moment, help="such as 2026-03-01T16:00Z")
    return parser.parse_args(arguments)


def _create(name: str, region: str) -> None:
    wanted = bucket.named(name, region)
    made = bucket.create(wanted)
    print(
        f"The bucket {name} is {'created' if made else 'unchanged or repaired'}: private, with versions.",
        file=sys.stderr,
    )
    print(f"pulumi login '{wanted.login}'")


def _earlier(stack: StackName, at: datetime) -> None:
    where = json.loads(source.ask("whoami", "--json", stack=None))["url"]
    found = earlier.at(bucket.of_login(where), stack.project, stack.name, at)
    pending = f", {found.pending} operations had not ended" if found.pending else ""
    print(f"The state of {found.written:%Y-%m-%d %H:%M:%S %Z}: {found.resources} resources{pending}.", file=sys.stderr)
    print(found.deployment, end="")


if __name__ == "__main__":
    run_old_call("state", main)
