"""Which containers a change starts anew or removes, and why: read from what their commands are sent."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import yaml

from auren_infra.files import paths
from auren_infra.review.commands import Change
from auren_infra.review.markdown import code


def started(changes: Sequence[Change]) -> Iterator[tuple[str, list[str]]]:
    """Each service whose container starts anew on the machine that there is, with the reasons as Markdown.

    A command that is sent the same data again leaves a container that runs alone.
    """
    for change in changes:
        old, new = change.old, change.new
        if new is None or "container" not in (new.name, old.name if old else ""):
            continue
        service = (*new.arguments, change.step.name)[0]
        if change.step.op == "replace":
            if docker_changes(change):
                yield service, ["another release of Docker"]
        elif old is None:
            yield service, ["it is new"]
        elif old.data is None or new.data is None:
            yield service, ["its image is built; whether it changes is known only during the update"]
        elif old.data != new.data:
            yield service, _reasons(old.data, new.data)


def docker_changes(change: Change) -> bool:
    """Whether a container's command runs again on the same machine for its last trigger, the generation of Docker."""
    old, new = (
        cast("list[str]", (inputs or {}).get("triggers") or []) for inputs in (change.step.old, change.step.new)
    )
    return change.is_command and len(old) == len(new) and old[:1] == new[:1] and old != new


def removed(changes: Sequence[Change]) -> list[str]:
    """The services whose containers are stopped and removed: those that `retire` knew and knows no more."""
    gone: list[str] = []
    for change in changes:
        old, new = change.old, change.new
        if old and new and new.name == "retire" and old.data is not None and new.data is not None:
            left = set(new.data.split())
            gone += [service for service in old.data.split() if service not in left]
    return gone


def _reasons(old: str, new: str) -> list[str]:
    """From the data of a container's command: its specification, its files, its secrets."""
    reasons: list[str] = []
    before, after = _specification(old), _specification(new)
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    if "image" in changed:
        changed.remove("image")
        reasons.append(f"image {code(str(before.get('image')))} → {code(str(after.get('image')))}")
    reasons += [f"its {code(key)}" for key in changed]
    digests = _digests(old), _digests(new)
    for path in sorted(digests[0].keys() | digests[1].keys()):
        if digests[0].get(path) != digests[1].get(path):
            secret = path.startswith(f"{paths.SECRETS}/")
            reasons.append(f"secret {code(path.removeprefix(f'{paths.SECRETS}/'))}" if secret else f"file {code(path)}")
    return reasons or ["what it is sent"]


def _specification(data: str) -> dict[str, Any]:
    """The service's part of the compose file; empty when the text is not as this program sends it."""
    try:
        document: Any = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError):
        return {}
    match document:
        case dict() if len(cast("dict[Any, Any]", document)) == 1:
            (specification,) = cast("dict[Any, Any]", document).values()
        case _:
            return {}
    if not isinstance(specification, dict):
        return {}
    return {str(key): value for key, value in cast("dict[Any, Any]", specification).items()}


def _digests(data: str) -> dict[str, str]:
    return dict(re.findall(r"^# (\S+) ([0-9a-f]+)$", data, re.MULTILINE))
