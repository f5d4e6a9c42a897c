"""The engine's property values as plain Python values, and back.

Plain values are what a resource works with: `None` is absent, whole numbers are `int`, a value not known during a
preview is `UNKNOWN`. Secretness travels beside them: what came in secret goes out secret under the same name.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from pulumi.provider.experimental.property_value import (
    PropertyValue,
    ResourceReference,
)
from pulumi.runtime import rpc


class Unknown(Enum):
    """The type of `UNKNOWN`, an enum so that it survives copying and compares by identity."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that is known only once something else has been made; seen in previews alone."""

Values = dict[str, Any]
"""Property name to plain value: None, bool, int, float, str, list, dict, or `UNKNOWN`."""


def plain(value: PropertyValue) -> Any:
    """The value without secret marks. A reference to a resource becomes its id."""
    inner = value.value
    if inner == rpc.UNKNOWN:  # the SDK's `Computed` cannot be sent and is never received: this text is on the wire
        return UNKNOWN
    if isinstance(inner, ResourceReference):
        return plain(inner.resource_id) if inner.resource_id is not None else inner.urn
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    return inner


def plain_map(values: Mapping[str, PropertyValue]) -> Values:
    """`plain` for every property; those that are null are left out."""
    return {key: plain(value) for key, value in values.items() if value.value is not None}


def property_value(value: Any, like: PropertyValue | None = None) -> PropertyValue:
    """The engine's form of a plain value, as secret as `like`, part by part.

    A list whose length changed cannot be matched part by part: one secret element makes all of it secret.
    """
    secret = like is not None and like.is_secret
    if value is UNKNOWN:
        return PropertyValue(rpc.UNKNOWN, is_secret=secret)
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value), is_secret=secret)
    if isinstance(value, Mapping):
        old = like.value if like is not None and isinstance(like.value, Mapping) else {}
        items = {key: property_value(item, old.get(key)) for key, item in value.items() if item is not None}
        return PropertyValue(items, is_secret=secret)
    if isinstance(value, Sequence) and not isinstance(value, str):
        olds = _elements(like)
        if len(olds) == len(value):
            return PropertyValue([property_value(item, old) for item, old in zip(value, olds, strict=True)], secret)
        secret = secret or (like is not None and like.contains_secret())
        return PropertyValue([property_value(item) for item in value], is_secret=secret)
    return PropertyValue(value, is_secret=secret)


def _elements(value: PropertyValue | None) -> list[PropertyValue]:
    inner = value.value if value is not None else None
    return [item for item in inner if isinstance(item, PropertyValue)] if isinstance(inner, tuple) else []


def property_map(
    values: Mapping[str, Any], like: Mapping[str, PropertyValue], secret: frozenset[str] = frozenset()
) -> dict[str, PropertyValue]:
    """`property_value` for every property that is present; those named in `secret` are secret as a whole."""
    made = {key: property_value(value, like.get(key)) for key, value in values.items() if value is not None}
    return {key: value.with_secret(True) if key in secret else value for key, value in made.items()}


def contains_unknown(value: Any) -> bool:
    """Whether anything inside is `UNKNOWN`."""
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return value is UNKNOWN
