"""Which containers a change starts anew or removes, and why: read from what their commands are sent."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import yaml

from auren_infra.files import paths
from auren_infra.host import sent
from auren_infra.review.preview import Step


def commands(step: Step) -> tuple[sent.Command | None, sent.Command | None]:
    """What the machine was sent, and what it will be; None where there is none, or the step is no command there."""
    if step.type != sent.TYPE:
        return None, None
    old, new = (None if inputs is None else sent.read(step.urn, inputs) for inputs in (step.old, step.new))
    return old, new


def started(steps: Sequence[Step]) -> Iterator[tuple[str, list[str]]]:
    """Each service whose container starts anew on the machine that there is, with the reasons.

    A command that is sent the same data again leaves a container that runs alone.
    """
    for step in steps:
        old, new = commands(step)
        if new is None or "container" not in (new.name, old.name if old else ""):
            continue
        if step.op == "replace":
            if docker_changes(step):
                yield new.arguments[0], ["another release of Docker"]
        elif old is None:
            yield new.arguments[0], ["it is new"]
        elif old.data is None or new.data is None:
            yield new.arguments[0], ["its image is built; whether it changes is known only during the update"]
        elif old.data != new.data:
            yield new.arguments[0], _reasons(old.data, new.data)


def docker_changes(step: Step) -> bool:
    """Whether a container's command runs again on the same machine for its last trigger, the generation of Docker."""
    old, new = (cast("list[str]", (inputs or {}).get("triggers") or []) for inputs in (step.old, step.new))
    return len(old) == len(new) and old[:1] == new[:1] and old != new


def removed(steps: Sequence[Step]) -> list[str]:
    """The services whose containers are stopped and removed: those that `retire` knew and knows no more."""
    gone: list[str] = []
    for step in steps:
        old, new = commands(step)
        if old and new and new.name == "retire" and old.data is not None and new.data is not None:
            gone += [service for service in old.data.split() if service not in new.data.split()]
    return gone


def _reasons(old: str, new: str) -> list[str]:
    """From the data of a container's command: its specification, its files, its secrets."""
    reasons: list[str] = []
    before, after = _specification(old), _specification(new)
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    if "image" in changed:
        changed.remove("image")
        reasons.append(f"image `{before.get('image')}` → `{after.get('image')}`")
    reasons += [f"its `{key}`" for key in changed]
    digests = _digests(old), _digests(new)
    for path in sorted(digests[0].keys() | digests[1].keys()):
        if digests[0].get(path) != digests[1].get(path):
            secret = path.startswith(f"{paths.SECRETS}/")
            reasons.append(f"secret `{path.removeprefix(f'{paths.SECRETS}/')}`" if secret else f"file `{path}`")
    return reasons


def _specification(data: str) -> dict[str, Any]:
    (specification,) = yaml.safe_load(data).values()
    return specification


def _digests(data: str) -> dict[str, str]:
    return dict(re.findall(r"^# (\S+) ([0-9a-f]+)$", data, re.MULTILINE))
