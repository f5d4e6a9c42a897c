"""The engine's property values as plain Python values, and back.

Plain values are what a resource works with: `None` is absent, whole numbers are `int`, a value not known during a
preview is `UNKNOWN`. Secretness travels beside them: what came in secret goes out secret under the same name.

The engine's form is protobuf's `Value`, in which a secret is an object that is marked as one. The SDK's classes for it
(`pulumi.provider.experimental`) are left out: importing the SDK would be most of a plugin's start. References to
resources and outputs never come, since a plugin here does not say that it takes them.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

# As in `pulumi.runtime.rpc`.
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key of an object that says that it stands for something else."""
SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""Its value for a secret, which is beside it in `value`."""
NOT_KNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The text that represents an unknown value."""


class Unknown(Enum):
    """The type of `UNKNOWN`, an enum so that it survives copying and compares by identity."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that is unknown until another resource is created. It occurs in previews only."""

Values = dict[str, Any]
"""Property name to plain value: None, bool, int, float, str, list, dict, or `UNKNOWN`."""

Properties = dict[str, Value]
"""Property name to the engine's form of its value."""


def plain(value: Value) -> Any:
    """The value without secret marks."""
    inner, _ = _opened(value)
    match inner.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if inner.string_value == NOT_KNOWN else inner.string_value
        case "number_value":
            return int(inner.number_value) if inner.number_value.is_integer() else inner.number_value
        case "bool_value":
            return inner.bool_value
        case "struct_value":
            return {key: plain(item) for key, item in inner.struct_value.fields.items()}
        case "list_value":
            return [plain(item) for item in inner.list_value.values]
    return None


def plain_map(values: Mapping[str, Value]) -> Values:
    """`plain` for every property; those that are null are left out."""
    found = {key: plain(value) for key, value in values.items()}
    return {key: value for key, value in found.items() if value is not None}


def property_value(value: Any, like: Value | None = None) -> Value:
    """The engine's form of a plain value, as secret as `like`, part by part.

    A list whose length changed cannot be matched part by part: one secret element makes all of it secret.
    """
    old, secret = _opened(like) if like is not None else (None, False)
    if isinstance(value, Mapping):
        olds = old.struct_value.fields if old is not None else {}
        items = {key: property_value(item, olds.get(key)) for key, item in value.items() if item is not None}
        made = Value(struct_value=Struct(fields=items))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        likes: list[Value | None] = list(old.list_value.values) if old is not None else []
        if len(likes) != len(value):
            secret = secret or (old is not None and contains_secret(old))
            likes = [None] * len(value)
        items = [property_value(item, one) for item, one in zip(value, likes, strict=True)]
        made = Value(list_value=ListValue(values=items))
    else:
        made = _scalar(value)
    return _marked(made) if secret else made


def property_map(values: Mapping[str, Any], like: Mapping[str, Value], secret: frozenset[str] = frozenset()) -> Struct:
    """`property_value` for every property that is present; those named in `secret` are secret as a whole."""
    made = {key: property_value(value, like.get(key)) for key, value in values.items() if value is not None}
    return Struct(fields={key: _marked(value) if key in secret else value for key, value in made.items()})


def contains_secret(value: Value) -> bool:
    """Whether it or anything inside is a secret."""
    inner, secret = _opened(value)
    parts = [*inner.struct_value.fields.values(), *inner.list_value.values]
    return secret or any(contains_secret(part) for part in parts)


def contains_unknown(value: Any) -> bool:
    """Whether anything inside is `UNKNOWN`."""
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return value is UNKNOWN


def _opened(value: Value) -> tuple[Value, bool]:
    """The value itself, and whether it is a secret."""
    fields = value.struct_value.fields
    if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET:
        return _opened(fields["value"])[0], True
    return value, False


def _marked(value: Value) -> Value:
    _, secret = _opened(value)
    return (
        value if secret else Value(struct_value=Struct(fields={SIGNATURE: Value(string_value=SECRET), "value": value}))
    )


def _scalar(value: Any) -> Value:
    if value is None:
        return Value(null_value=NULL_VALUE)
    if value is UNKNOWN:
        return Value(string_value=NOT_KNOWN)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=value)
    return Value(string_value=value)
