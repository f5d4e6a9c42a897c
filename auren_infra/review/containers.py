"""Which containers a change starts anew or removes, and why: read from what their commands are sent."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import yaml

from auren_infra.call import Call
from auren_infra.host.orders import Reload, Retire, StartFirst, Switch
from auren_infra.release_text import Release
from auren_infra.review.commands import Change, release
from auren_infra.review.markdown import code

_UNKNOWN = "what it is sent"
_ROLLED_BACK = "**the machine was rolled back** to an earlier release, and gets this one again"
_MAY_RUN = "the machine was rolled back, and may run this release already"
_STARTS = (Switch.id, Reload.id, StartFirst.id)


def started(changes: Sequence[Change]) -> Iterator[tuple[str, list[str]]]:
    """Each service whose container starts anew on the machine that there is, with the reasons as Markdown.

    A command that is sent the same release again leaves a container that runs alone. The last words say when the new
    container starts beside the old one, or else how long nobody serves.
    """
    beside, anew, away = _updated_by(StartFirst.id, changes), _reading_anew(changes), dict(_away(changes))
    back = _rolled_back(changes)
    changed = dict(_changed(changes))
    told = {service: [_ROLLED_BACK] for service in sorted(back)} | changed
    for service in back & changed.keys():
        told[service] = [*changed[service], _MAY_RUN]
    for service, reasons in told.items():
        if service in beside:
            yield service, [*reasons, "**starts beside the old one**"]
        elif service not in anew:
            yield service, [*reasons, *away.get(service, ())]


def _rolled_back(changes: Sequence[Change]) -> set[str]:
    """The services that run an earlier release than the last update has started."""
    return {
        change.new.arguments[0]
        for change in changes
        if change.step.tainted and change.order in _STARTS and change.new and change.new.arguments
    }


def _away(changes: Sequence[Change]) -> Iterator[tuple[str, list[str]]]:
    """By service, how long its last start took, stop of the old container included. `replacing.sh` prints it.

    It is not known when the last deployment found the container right.
    """
    for change in changes:
        seconds = re.search(r", healthy after ([0-9]+) s\n?$", change.step.printed)
        if change.order in (Switch.id, Reload.id) and change.new and change.new.arguments and seconds:
            yield change.new.arguments[0], [f"**about {max(int(seconds[1]), 1)} s away**"]


def reloaded(changes: Sequence[Change]) -> Iterator[tuple[str, list[str]]]:
    """Each service that reads its new files while it runs, with their names as Markdown."""
    anew = _reading_anew(changes)
    for service, reasons in _changed(changes):
        if service in anew:
            yield service, reasons


def _updated_by(order: str, changes: Sequence[Change]) -> set[str]:
    """The services with a container that runs already, and is updated by this order."""
    return {
        change.new.arguments[0]
        for change in changes
        if change.order == order
        and (change.step.op == "update" or change.step.tainted)
        and change.new
        and change.new.arguments
    }


def _reading_anew(changes: Sequence[Change]) -> set[str]:
    """The services that need no other container, and can read files while they run."""
    able = _updated_by(Reload.id, changes)
    return {change.released for change in changes if change.released in able and _has_the_same_container(change)}


def _has_the_same_container(change: Change) -> bool:
    was, will_be = release(change.old), release(change.new)
    if was is None or will_be is None or change.step.op != "update":
        return False
    return (was.compose, was.secrets) == (will_be.compose, will_be.secrets)


def _changed(changes: Sequence[Change]) -> Iterator[tuple[str, list[str]]]:
    for change in changes:
        old, new, service = change.old, change.new, change.released
        if new is None or not service:
            continue
        if change.step.op == "replace":
            if docker_changes(change):
                yield service, ["another release of Docker"]
        elif old is None:
            yield service, ["it is new"]
        elif old.data is None or new.data is None:
            yield service, ["its image is built; whether it changes is known only during the update"]
        elif (old.data, old.arguments) != (new.data, new.arguments):
            yield service, _reasons(service, old, new)


def docker_changes(change: Change) -> bool:
    """Whether a container's command runs again on the same machine for its last trigger, the generation of Docker."""
    old, new = (_triggers(inputs) for inputs in (change.step.old, change.step.new))
    return change.is_command and len(old) == len(new) and old[:1] == new[:1] and old != new


def _triggers(inputs: Mapping[str, Any] | None) -> list[Any]:
    """Empty when they cannot be seen."""
    found = (inputs or {}).get("triggers")
    return cast("list[Any]", found) if isinstance(found, list) else []


def removed(changes: Sequence[Change]) -> list[str]:
    """The services whose containers are stopped and removed: those that `retire` knew and knows no more."""
    gone: list[str] = []
    for change in changes:
        old, new = change.old, change.new
        if old and new and change.order == Retire.id and old.data is not None and new.data is not None:
            left = set(new.data.split())
            gone += [service for service in old.data.split() if service not in left]
    return gone


def _reasons(service: str, old: Call, new: Call) -> list[str]:
    """What differs: the specification, the files, the secrets as far as their digests are known."""
    was, will_be = release(old), release(new)
    if was is None or will_be is None:
        return [_UNKNOWN]
    reasons: list[str] = []
    before, after = _specification(was, service), _specification(will_be, service)
    changed = _differing(before, after)
    if "image" in changed:
        changed.remove("image")
        reasons.append(f"image {code(str(before.get('image')))} → {code(str(after.get('image')))}")
    reasons += [f"its {code(key)}" for key in changed]
    reasons += [f"file {code(name)}" for name in _differing(was.files, will_be.files)]
    if not new.arguments:  # it has the secrets' digests, so it is hidden until they are known
        return [*reasons, "a secret that is generated anew"]
    reasons += [f"secret {code(name)}" for name in _differing(was.secrets, will_be.secrets)]
    if not reasons and _specification(was, was.preflight) != _specification(will_be, will_be.preflight):
        return ["its preflight"]
    return reasons or [_UNKNOWN]


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _specification(release: Release, service: str) -> dict[str, Any]:
    """The service's part of the compose file, before the machine puts the release's id in.

    Empty when the file is not as this program writes it.
    """
    try:
        found: Any = yaml.safe_load(release.compose)
    except (yaml.YAMLError, ValueError):
        return {}
    for key in ("services", service):
        found = cast("dict[Any, Any]", found).get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in cast("dict[Any, Any]", found).items()}
