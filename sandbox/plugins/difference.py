"""What changed between two sets of inputs, property by property and line by line as a preview shows it."""

from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.proto.provider_pb2 import PropertyDiff

from sandbox.plugins.schema import Shape
from sandbox.plugins.values import Values

_REPLACING = {
    PropertyDiff.ADD: PropertyDiff.ADD_REPLACE,
    PropertyDiff.DELETE: PropertyDiff.DELETE_REPLACE,
    PropertyDiff.UPDATE: PropertyDiff.UPDATE_REPLACE,
}


@dataclass
class Difference:
    """The changed properties, those of them that need a replacement, and the path of each change."""

    changed: list[str] = field(default_factory=list)
    replaces: list[str] = field(default_factory=list)
    paths: dict[str, PropertyDiff] = field(default_factory=dict)


def difference(shape: Shape, old: Values, new: Values, replacing: frozenset[str]) -> Difference:
    """Compares inputs.

    Not a change: a property that is no longer given but that the provider fills in itself; nothing against an
    empty value; another order where the schema says that order does not matter.
    """
    found = Difference()
    for name in sorted(set(old) | set(new)):
        if name.startswith("__") or (name not in new and name in shape.always_output):
            continue
        paths: dict[str, PropertyDiff.Kind.ValueType] = {}
        _compare(name, old.get(name), new.get(name), shape.sets, paths)
        if not paths:
            continue
        found.changed.append(name)
        replaced = name in replacing
        if replaced:
            found.replaces.append(name)
        for path, kind in paths.items():
            found.paths[path] = PropertyDiff(kind=_REPLACING[kind] if replaced else kind, inputDiff=True)
    return found


def _compare(
    path: str, old: Any, new: Any, sets: frozenset[str], paths: dict[str, "PropertyDiff.Kind.ValueType"]
) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(set(old) | set(new)):
            _compare(_member(path, key), old.get(key), new.get(key), sets, paths)
    elif isinstance(old, list) and isinstance(new, list):
        left, right = dict(enumerate(old)), dict(enumerate(new))
        if path.rpartition(".")[2] in sets:
            left, right = _unmatched(left, right, sets)
        for index in sorted(set(left) | set(right)):
            _compare(f"{path}[{index}]", left.get(index), right.get(index), sets, paths)
    elif _empty(old) and _empty(new):
        return
    elif old is None:
        paths[path] = PropertyDiff.ADD
    elif new is None:
        paths[path] = PropertyDiff.DELETE
    elif old != new:
        paths[path] = PropertyDiff.UPDATE


def _unmatched(old: dict[int, Any], new: dict[int, Any], sets: frozenset[str]) -> tuple[dict[int, Any], dict[int, Any]]:
    """The elements of two sets that have no equal in the other."""
    old, new = dict(old), dict(new)
    for index, element in list(new.items()):
        for other, candidate in old.items():
            paths: dict[str, PropertyDiff.Kind.ValueType] = {}
            _compare("", candidate, element, sets, paths)
            if not paths:
                del old[other], new[index]
                break
    return old, new


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _member(path: str, key: str) -> str:
    """The engine's path syntax: a dot before a plain name, brackets and quotes around any other."""
    if key.replace("_", "a").isalnum():
        return f"{path}.{key}"
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{path}["{escaped}"]'
