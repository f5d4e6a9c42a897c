"""A resource's properties as the engine sends them, as the plain values that rules work with."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi.provider.experimental.property_value import PropertyValue

from policy.resource import UNKNOWN

_UNKNOWN = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # a string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
    }
)
"""What the engine sends for a value that only the update will tell, by the kind that it will be."""


def plain(properties: Struct) -> Mapping[str, Any]:
    """The values, secrets like any other."""
    return {name: _plain(value) for name, value in PropertyValue.unmarshal_map(properties).items()}


def unmarked_texts(properties: Struct) -> dict[str, str]:
    """The texts that are neither secret nor unknown, each by its path, such as `connection.host`."""
    return {
        path: text
        for name, value in PropertyValue.unmarshal_map(properties).items()
        for path, text in _unmarked(value, name)
    }


def _plain(value: PropertyValue) -> Any:
    match value.value:
        case str() as text:
            return UNKNOWN if text in _UNKNOWN else text
        case Mapping() as mapping:
            return {name: _plain(item) for name, item in mapping.items()}
        case Sequence() as items:
            return [_plain(item) for item in items]
        case other:
            return other


def _unmarked(value: PropertyValue, path: str) -> Iterator[tuple[str, str]]:
    if value.is_secret:
        return
    match value.value:
        case str() as text if text not in _UNKNOWN:
            yield path, text
        case pulumi.StringAsset() as asset:
            yield path, asset.text
        case Mapping() as mapping:
            for name, item in mapping.items():
                yield from _unmarked(item, f"{path}.{name}")
        case Sequence() as items if not isinstance(items, str):
            for index, item in enumerate(items):
                yield from _unmarked(item, f"{path}[{index}]")
        case _:
            pass  # numbers, and what is in a file or elsewhere
