"""A stack's name in all forms that the engine prints: `prod`, `auren/prod`, `organization/auren/prod`."""

import re
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]

_PART = re.compile("[A-Za-z0-9_.-]{1,100}")
_BUCKETS_ORGANIZATION = "organization"
"""The engine's name of the organization for a state in a bucket or a file."""


@dataclass(frozen=True)
class StackName:
    """A stack of this project."""

    project: str
    name: str
    organization: str = ""
    """Empty: the one that `pulumi` is logged in to."""

    @property
    def for_pulumi(self) -> str:
        """The form for `pulumi --stack`, which reads the first of two names as an organization."""
        return f"{self.organization}/{self.project}/{self.name}" if self.organization else self.name


def stack_name(text: str, project: str = "") -> StackName:
    """A stack's name of the command line, for argparse. The default of `project` is this project.

    Raises `ArgumentTypeError` for a stack of another project, and for an invalid name.
    """
    own = project or project_name()
    *above, name = text.split("/")
    if not all(_PART.fullmatch(part) for part in (*above, name)) or len(above) > 2:
        raise ArgumentTypeError(
            f"{text!r} cannot be a stack's name; write it like prod, or organization/{own}/prod. It takes letters, "
            "digits, hyphens, underscores and periods."
        )
    if above in ([], [own], [_BUCKETS_ORGANIZATION]):
        return StackName(own, name)
    if len(above) == 1:
        raise ArgumentTypeError(
            f"{text} is read as a stack of the project {above[0]}, and this project is {own}. If {above[0]} is an "
            f"organization, write {above[0]}/{own}/{name}."
        )
    organization, named = above
    if named != own:
        raise ArgumentTypeError(f"{text} is a stack of the project {named}, and this project is {own}.")
    return StackName(own, name, organization)


def add_stack_option(parser: ArgumentParser, *, of_command: bool = False) -> None:
    """`--stack NAME`, as a `StackName`; None is the selected one.

    With `of_command`, the parser is of a command that stands behind the same option: the one before it counts as well.
    """
    parser.add_argument(
        "--stack",
        metavar="NAME",
        type=stack_name,
        default=SUPPRESS if of_command else None,
        help="this stack, instead of the selected one",
    )


def project_name() -> str:
    """The name in `Pulumi.yaml`."""
    return str(yaml.safe_load((PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))["name"])
