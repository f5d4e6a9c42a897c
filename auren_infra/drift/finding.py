"""A difference, and how it is said."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One difference between the machine and what was deployed to it, with its repair.

    A repair has one order: first what is typed on the machine, then what Pulumi runs again. Nothing is typed
    afterwards, so that all repairs can be done at once.
    """

    where: str
    """The thing that differs, such as a path or a container's name."""
    what: str
    """What is the matter with it, as the rest of the sentence."""
    urn: str = ""
    """The command that puts it right when it is run again; empty when none does."""
    by_hand: str = ""
    """What must be typed on the machine, before that command when there is one."""
    also: tuple[str, ...] = ()
    """The commands that must run again after that one: for what reads the thing, or for what `by_hand` takes away."""

    @property
    def urns(self) -> tuple[str, ...]:
        return (self.urn, *self.also) if self.urn else ()

    def line(self, stack: str | None) -> str:
        repairs = [f"on the machine `{self.by_hand}`"] if self.by_hand else []
        repairs += [f"`{again(self.urns, stack)}`"] if self.urn else []
        return f"{self.where} {self.what}. Repair: {', then '.join(repairs)}"


def again(urns: Sequence[str], stack: str | None) -> str:
    """What runs these commands again, and nothing else. None of them has a `delete`, so nothing is undone before."""
    chosen = ["--stack", stack] if stack else []
    return " ".join(["pulumi", "up", *chosen, *(f"--target-replace '{urn}'" for urn in urns)])


def without_line(path: str, line: str, *, and_all_below: bool = False) -> str:
    """What takes a line out of a file on the machine, wherever it stands there."""
    pattern = re.sub(r"([][\\.*^$|])", r"\\\1", line)
    lines = rf"\|^{pattern}$|" + (",$" if and_all_below else "")
    return f"sed --in-place {shlex.quote(f'{lines}d')} {shlex.quote(path)}"
