"""What a version of the outputs promises its readers: each name, and what kind of value it holds."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PROMISED = Path(__file__).parent / "promised"

Promise = Mapping[str, str]
"""Path -> type, such as `volumes[].sizeGb` -> `integer`; `*` stands for any key."""


def promise_of(schema: Mapping[str, Any]) -> dict[str, str]:
    """Everything that this JSON Schema says must be there. What may be absent is promised to nobody."""
    return dict(_walk(schema, schema.get("$defs", {}), ""))


def kept(version: int) -> dict[str, str]:
    """The promise as it was made."""
    return json.loads((PROMISED / f"v{version}.json").read_text())


def broken(promised: Promise, given: Promise) -> list[str]:
    """A line for each name that readers know and would not find as they know it."""
    return [
        f"{path}: {kind} became {given[path]}" if path in given else f"{path} is gone"
        for path, kind in promised.items()
        if given.get(path) != kind
    ]


def _walk(node: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if "$ref" in node:
        yield from _walk(definitions[node["$ref"].rpartition("/")[2]], definitions, path)
        return
    if path:
        yield path, " | ".join(sorted(each["type"] for each in node.get("anyOf", [node])))
    for name in node.get("required", []):
        yield from _walk(node["properties"][name], definitions, f"{path}.{name}".lstrip("."))
    if "items" in node:
        yield from _walk(node["items"], definitions, f"{path}[]")
    if isinstance(node.get("additionalProperties"), Mapping):
        yield from _walk(node["additionalProperties"], definitions, f"{path}.*")
