"""Values between the engine and a plugin, and what counts as a difference between them."""

from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc
from pulumi.runtime.proto.provider_pb2 import PropertyDiff

from sandbox.plugins.difference import difference
from sandbox.plugins.schema import Shape
from sandbox.plugins.values import (
    UNKNOWN,
    Values,
    contains_secret,
    contains_unknown,
    plain,
    plain_map,
    property_map,
    property_value,
)


def test_values_go_there_and_back() -> None:
    values: Values = {
        "text": "é",
        "whole": 3,
        "broken": 0.5,
        "yes": True,
        "list": [1, "a", {"b": False}],
        "later": UNKNOWN,
    }
    assert plain_map(property_map(values, {}).fields) == values
    assert plain_map(property_map({"nothing": None}, {}).fields) == {}
    assert plain_map({"nothing": property_value(None)}) == {}


def test_the_engines_form_is_the_one_that_the_sdk_writes() -> None:
    secret = PropertyValue({"b": PropertyValue(rpc.UNKNOWN)}, is_secret=True)
    value = PropertyValue([PropertyValue("x"), secret, PropertyValue(2.0)])
    assert plain(value.marshal()) == ["x", {"b": UNKNOWN}, 2]
    assert property_value(["x", {"b": UNKNOWN}, 2], like=value.marshal()) == value.marshal()
    assert contains_secret(value.marshal())
    assert property_map({"a": 1}, {}, frozenset({"a"})).fields["a"] == PropertyValue(1.0, is_secret=True).marshal()


def test_secrets_stay_where_they_were() -> None:
    secret = PropertyValue("hush", is_secret=True)
    like = PropertyValue({"a": secret, "b": PropertyValue("open"), "list": PropertyValue([secret, PropertyValue("x")])})
    made = property_map({"a": "new", "b": "open", "list": ["y", "z"]}, like.marshal().struct_value.fields)
    parts: Any = PropertyValue.unmarshal_map(made)
    assert parts["a"].is_secret
    assert not parts["b"].contains_secret()
    assert [item.is_secret for item in parts["list"].value] == [True, False]
    longer: Any = PropertyValue.unmarshal(property_value({"list": ["y", "z", "w"]}, like.marshal()))
    assert longer.value["list"].is_secret, "which of them is the secret cannot be told"


def test_what_is_not_known_yet_is_found_at_any_depth() -> None:
    assert contains_unknown({"a": [{"b": UNKNOWN}]})
    assert not contains_unknown({"a": [{"b": None}]})


SHAPE = Shape(inputs={}, always_output=frozenset({"filled"}), sets=frozenset({"tags", "ports"}))


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({}, {"a": 1}, {"a": "ADD"}),
        ({"a": 1}, {}, {"a": "DELETE"}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": "UPDATE"}),
        ({"a": False, "b": "", "c": [], "d": {}}, {}, {}),
        ({"a": False}, {"a": True}, {"a": "UPDATE"}),
        ({"a": True}, {"a": False}, {"a": "UPDATE"}),
        ({"filled": 1}, {}, {}),
        ({"filled": 1}, {"filled": 2}, {"filled": "UPDATE"}),
        ({"__defaults": ["a"]}, {"__defaults": []}, {}),
        ({"l": [1, 2]}, {"l": [2, 1]}, {"l[0]": "UPDATE", "l[1]": "UPDATE"}),
        ({"tags": [1, 2]}, {"tags": [2, 1]}, {}),
        ({"tags": [1, 2]}, {"tags": [2, 3]}, {"tags[0]": "DELETE", "tags[1]": "ADD"}),
        ({"tags": [1, 1]}, {"tags": [1]}, {"tags[1]": "DELETE"}),
        ({"tags": [{"ports": [1, 2]}]}, {"tags": [{"ports": [2, 1]}]}, {}),
        ({"o": {"a b": 1, 'c"d': 1}}, {"o": {"a b": 2, 'c"d': 2}}, {'o["a b"]': "UPDATE", 'o["c\\"d"]': "UPDATE"}),
        ({"o": {"x": {"y": 1}}}, {"o": {"x": {"y": 1, "z": 2}}}, {"o.x.z": "ADD"}),
    ],
)
def test_what_is_a_difference(old: Values, new: Values, paths: dict[str, str]) -> None:
    found = difference(SHAPE, old, new, frozenset())
    assert {path: PropertyDiff.Kind.Name(diff.kind) for path, diff in found.paths.items()} == paths
    assert bool(found.changed) == bool(paths)
    assert found.replaces == []


def test_what_needs_a_replacement_says_so_in_every_path() -> None:
    found = difference(SHAPE, {"a": {"x": 1}, "b": 1}, {"a": {"x": 2}, "b": 2}, frozenset({"a"}))
    assert found.changed == ["a", "b"]
    assert found.replaces == ["a"]
    kinds = {path: PropertyDiff.Kind.Name(diff.kind) for path, diff in found.paths.items()}
    assert kinds == {"a.x": "UPDATE_REPLACE", "b": "UPDATE"}
