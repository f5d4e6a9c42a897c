"""`python -m auren_infra leftovers`: what the clouds have of a stack that its state does not know, a line each."""

import argparse
import os
import sys
from collections.abc import Sequence

from auren_infra import exported
from auren_infra.apis import cloudflare, digitalocean
from auren_infra.apis.http import CloudError
from auren_infra.command_line import NOT_DONE, run, told
from auren_infra.leftovers import known
from auren_infra.leftovers.compare import SCOPES, leftovers
from auren_infra.outputs import source
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import StackName, add_stack_option

NONE, FOUND, UNKNOWN = 0, 1, NOT_DONE
UNFINISHED = "An update of this stack is running, or was cut. What it creates at the moment is listed as well."


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra leftovers",
        **told(
            does="Lists what DigitalOcean and Cloudflare have of a stack, and its state does not know: what an update "
            "has created that was cut, or whose answer got lost. Changes nothing.",
            needs="The stack's state, DIGITALOCEAN_TOKEN and CLOUDFLARE_API_TOKEN.",
            ends={
                NONE: "nothing is left over",
                FOUND: "something is; the lines say what, and what to do",
                UNKNOWN: "the state or a cloud could not be read; standard error says why",
            },
            examples=["leftovers --stack prod"],
        ),
    )
    add_stack_option(parser)
    chosen: StackName | None = parser.parse_args(arguments).stack
    stack = chosen and chosen.for_pulumi
    try:
        config = source.configuration(stack)
        state = exported.parse(source.ask("stack", "export", stack=stack))
        lines = leftovers(
            digitalocean.of_environment(os.environ, SCOPES),
            cloudflare.of_environment(os.environ),
            known.names(source.name_of(chosen), config, state),
            known.ids(state),
        )
    except (OutputsError, CloudError) as error:
        print(f"error: {error}", file=sys.stderr)
        return UNKNOWN
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        # Not status 1: what was not understood is nothing that is left over.
        print(f"error: The state or a cloud tells otherwise than this program knows: {error!r}", file=sys.stderr)
        return UNKNOWN
    if not state.is_finished:
        print(UNFINISHED, file=sys.stderr)
    print("".join(f"Not part of the stack: {line}\n" for line in lines) or "Nothing is left over.\n", end="")
    return FOUND if lines else NONE


if __name__ == "__main__":
    run(main)
