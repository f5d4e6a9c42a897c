"""`python -m tests.rendered`: everything that the program registers for production, as text. No cloud is asked.


A section for each resource holds its inputs, such as each script with its data, and its options. The passwords are made
up, so the same tree always has the same text. `--against COMMIT` prints the difference to another commit's text, and
ends with 1 if there is one: a change of the code that must not change the deployment is proved by that.
"""

import argparse
import dataclasses
import hashlib
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

with warnings.catch_warnings():
    # The providers' SDKs warn of every deprecated resource that they export, used or not, when they are imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from auren_infra import stack
    from auren_infra.blueprint import describe
    from auren_infra.placement import place
    from auren_infra.settings import load
    from auren_infra.settings.deployed import Deployed
    from tests.hosted.settings import STACK, configuration
    from tests.unit.rehearsal import Registration, Rehearsal, rehearse

NAME = f"auren-{STACK}"
ROOT = Path(__file__).parents[1]


class _Texts(yaml.SafeDumper):
    """Texts of more than one line as they are, but for the space at the end of a line."""


def _text(dumper: _Texts, text: str) -> yaml.ScalarNode:
    # YAML has no block for lines that end with a space, such as the empty lines of a file in a release.
    text = text.replace(" \n", "␠\n")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Texts.add_representer(str, _text)


def production(changes: Sequence[str] = ()) -> Rehearsal:
    """All that an update of production registers, and its outputs; with settings changed, each as KEY=VALUE."""
    settings = load(configuration(changes), name=NAME)
    return rehearse(lambda: stack.deploy(place(describe(settings)), Deployed()), preview=False)


def sections(update: Rehearsal) -> dict[str, str]:
    """What is registered: title -> text, sorted: the order of registrations is not always the same."""
    found = {f"{each.type} {each.name}": _dumped(_fields(each)) for each in update.resources}
    return dict(sorted(found.items())) | {"outputs": _dumped(update.outputs)}


def _fields(resource: Registration) -> dict[str, Any]:
    values = dataclasses.asdict(resource).items()
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values}


def _dumped(values: Any) -> str:
    return yaml.dump(_plain(values), Dumper=_Texts, allow_unicode=True, width=1_000_000)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)


def digests(found: dict[str, str]) -> str:
    """A line for each section."""
    return "".join(f"{hashlib.sha256(text.encode()).hexdigest()[:16]} {title}\n" for title, text in found.items())


def _at(commit: str, do: Callable[[Path], str]) -> str:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", place, commit], cwd=ROOT, check=True)
        try:
            return do(place)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", place], cwd=ROOT, check=True)


def _rendered_in(place: Path) -> str:
    """The text of another tree, by its own program."""
    command = [sys.executable, "-m", "tests.rendered"]
    return subprocess.run(command, cwd=place, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rendered", description=__doc__)
    parser.add_argument("--against", metavar="COMMIT", help="print the difference to this commit's text instead")
    options = parser.parse_args(arguments)
    text = "".join(f"=== {title}\n{text}" for title, text in sections(production()).items())
    if not options.against:
        print(text, end="")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        before, after = Path(directory) / "before", Path(directory) / "after"
        before.write_text(_at(options.against, _rendered_in))
        after.write_text(text)
        return subprocess.run(["git", "diff", "--no-index", before, after], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
