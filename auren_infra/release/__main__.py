"""`python -m auren_infra release`: a new image for a service or the website, in the stack's configuration file."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence

from auren_infra.command_line import NOT_DONE, run, told
from auren_infra.outputs.placing import show
from auren_infra.outputs.stack_name import PROJECT, stack_name
from auren_infra.release.entry import WEBSITE, EntryError, current, has_directory, is_built, with_image
from auren_infra.services.catalogue import described
from auren_infra.services.overrides import directories, stranger
from auren_infra.settings import Settings
from auren_infra.settings.images import reference_fault, unreachable
from auren_infra.settings.releases import misfit
from auren_infra.stack_file import stack_file_path

_EXAMPLES = (
    "api=ghcr.io/auren-ai/auren-api:1.4.0@sha256:DIGEST",
    "website=ghcr.io/auren-ai/auren-dashboard:1.4.0@sha256:DIGEST",
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra release",
        **told(
            does="Writes the image of a service, or of the website, into the stack's configuration file, as one "
            "changed line. Nothing is deployed: the preview of the change shows what it does.",
            needs="The file Pulumi.STACK.yaml of this project.",
            ends={
                0: "the file names these images",
                1: "nothing was changed; standard error says why",
                NOT_DONE: "the call was wrong",
            },
            examples=[f"release --stack prod {each}" for each in _EXAMPLES],
        ),
    )
    parser.add_argument("--stack", metavar="NAME", required=True, type=stack_name, help="such as prod")
    parser.add_argument(
        "images", metavar="SERVICE=IMAGE", nargs="+", help="the service, or website, and its image with a digest"
    )
    options = parser.parse_args(arguments)
    images = dict(each.partition("=")[::2] for each in options.images)
    if faults := [*_twice(options.images), *_faults(images)]:
        print("error: nothing was changed:", *faults, sep="\n", file=sys.stderr)
        return 1
    path = stack_file_path(options.stack.name, PROJECT)
    try:
        before = text = path.read_bytes().decode()
        changes: list[str] = []
        for service, reference in images.items():
            if is_built(text, service):
                raise EntryError(f"auren:builds has the image of {service} built, so it gets no digest here")
            if service == WEBSITE.partition(":")[2] and has_directory(text):
                raise EntryError(f"{WEBSITE} takes the website from a directory. Take that line out first")
            was = current(text, service)
            text = with_image(text, service, reference)
            said = f"{was or 'no image in the file'} -> {reference}" if was != reference else "no change"
            changes.append(f"{service}: {said}\n")
        if text != before:
            # In place: its mode, its owner and a link to it stay. An earlier text is in the repository.
            path.write_bytes(text.encode())
    except (EntryError, OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        print(f"error: nothing was changed: {path}: {why}", file=sys.stderr)
        return 1
    show("".join(changes))
    return 0


def _twice(images: Sequence[str]) -> Iterator[str]:
    names = [each.partition("=")[0] for each in images]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name} is named twice; name it once"


def _faults(images: Mapping[str, str]) -> Iterator[str]:
    services = described(Settings.model_construct())
    for service, reference in images.items():
        if fault := stranger(service, services, directories(services)):
            yield fault
        elif fault := reference_fault(reference) or unreachable(reference) or misfit(service, reference):
            yield f"{service}: {fault}"
        elif "@" not in reference:
            yield (
                f"{service}: {reference} has no digest, and a tag can be moved to another image; add @sha256:... as "
                f"`docker buildx imagetools inspect {reference}` prints it"
            )


if __name__ == "__main__":
    run(main)
