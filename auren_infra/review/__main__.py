"""`python -m auren_infra.review`: what a merge of this checkout does to a stack, as a pull request's comment."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pulumi.automation import CommandError

from auren_infra.outputs.placing import Placed, faults_of_file, file_path, place, show
from auren_infra.outputs.source import OutputsError
from auren_infra.outputs.stack_name import stack_name
from auren_infra.review.comment import comment
from auren_infra.review.preview import preview

SUCCEEDED, FAILED, UNKNOWN = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra.review",
        description="Previews a stack, held to the rules, and tells in Markdown what `pulumi up` would do.",
        epilog="Ends with 0: it would be deployed; 1: the preview failed, and the text says why; 2: there was none.",
    )
    parser.add_argument("--stack", metavar="NAME", required=True, type=stack_name)
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
    sys.exit(main())
