"""`python -m auren_infra review`: what a merge of this checkout does to a stack, as a pull request's comment."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pulumi.automation import CommandError

from auren_infra.command_line import NOT_DONE, run_old_call, told
from auren_infra.outputs.placing import Placed, faults_of_file, file_path, place, show
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import stack_name
from auren_infra.review.comment import comment
from auren_infra.review.preview import preview

SUCCEEDED, FAILED, UNKNOWN = 0, 1, NOT_DONE


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra review",
        **told(
            does="Previews a stack with this checkout and with the rules of the policy pack, and prints in Markdown "
            "what `pulumi up` would do. Changes nothing.",
            needs="pulumi on PATH, a login to the state, its passphrase, DIGITALOCEAN_TOKEN and CLOUDFLARE_API_TOKEN. "
            "No machine, and Docker only when auren:builds names an image.",
            ends={
                SUCCEEDED: "the change would be deployed",
                FAILED: "the preview failed; the text says why",
                UNKNOWN: "there was no preview, or its text could not be written; standard error says why",
            },
            examples=["review --stack prod", "review --stack prod --output comment.md"],
        ),
    )
    parser.add_argument("--stack", metavar="NAME", required=True, type=stack_name, help="such as prod")
    parser.add_argument("--commit", metavar="HASH", default="", help="what is previewed, to be named in the text")
    parser.add_argument("--output", metavar="FILE", type=file_path, help="write the text there instead of printing it")
    options = parser.parse_args(arguments)
    output: Path | None = options.output and options.output.absolute()
    if output and (faults := list(faults_of_file(output))):
        print("error: there was no preview:", *faults, sep="\n", file=sys.stderr)
        return UNKNOWN
    try:
        found = preview(options.stack, say=lambda line: print(line, file=sys.stderr))
    except CommandError as error:
        print(f"error: there was no preview:\n{error}", file=sys.stderr)
        return UNKNOWN
    text = comment(found, options.commit)
    try:
        if output:
            place([Placed(output, text)])
        else:
            show(text)
    except OutputsError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNKNOWN
    return SUCCEEDED if found.succeeded else FAILED


if __name__ == "__main__":
    run_old_call("review", main)
