"""A plugin's schema: which properties a resource has and what the official provider makes of them.

The files in `schemas/` are the official schemas cut down to what is supported. A type is `string`, `integer`, `number`,
`boolean`, `Any`, `[T]`, `{"*": T}`, or the name of an object or enum in `types`. For a resource: `inputs` and `outputs`
(those that are not inputs as well), `required`, `replaceOnChanges`, `secret` outputs, `alwaysOutput` (filled in even
when not given, so that leaving one out is not a change), `defaults`, `sets`, the lists, by property name and at any
depth, in which order does not matter, and `schemaVersion`, that of the Terraform schema behind the official plugin. An
object in `types` has `properties`, `required` and `defaults`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.plugins.values import UNKNOWN, Values

_FOLDER = Path(__file__).parent / "schemas"

Type = str | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a resource's inputs; an empty `property` means the resource as a whole."""

    property: str
    reason: str


@dataclass(frozen=True)
class Shape:
    """The properties of one resource, function or configuration."""

    inputs: dict[str, Type]
    outputs: dict[str, Type] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    replace_on_changes: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    always_output: frozenset[str] = frozenset()
    defaults: Values = field(default_factory=dict)
    sets: frozenset[str] = frozenset()
    schema_version: int = 0

    @property
    def computed(self) -> frozenset[str]:
        """What the provider fills in when it is not given."""
        return frozenset(self.outputs) | self.always_output


class Schema:
    """The schema of one plugin, read from `NAME.json`."""

    def __init__(self, name: str, folder: Path = _FOLDER) -> None:
        document = json.loads((folder / f"{name}.json").read_text())
        self.types: dict[str, dict[str, Any]] = document["types"]
        self.config = Shape(inputs=document["config"])
        self.resources = {token: _shape(spec) for token, spec in document["resources"].items()}
        self.functions = {token: _shape(spec) for token, spec in document["functions"].items()}

    def check(self, shape: Shape, values: Values) -> tuple[Values, list[Fault]]:
        """The values converted to their exact types, and all faults."""
        faults = [
            Fault("", f'Missing required argument: The argument "{name}" is required, but no definition was found')
            for name in shape.required
            if values.get(name) is None
        ]
        checked = self._members(shape.inputs, values, "", faults)
        return checked, faults

    def _members(self, inputs: dict[str, Type], values: Values, path: str, faults: list[Fault]) -> Values:
        checked: Values = {}
        for name, value in values.items():
            place = f"{path}.{name}" if path else name
            if name.startswith("__"):
                continue
            if name not in inputs:
                faults.append(Fault(place, f'Unsupported argument: An argument named "{name}" is not expected here'))
            elif value is not None:
                checked[name] = self._value(inputs[name], value, place, faults)
        return checked

    def _value(self, kind: Type, value: Any, path: str, faults: list[Fault]) -> Any:
        if value is UNKNOWN or kind == "Any":
            return value
        if isinstance(kind, list):
            if isinstance(value, list):
                return [self._value(kind[0], item, f"{path}[{index}]", faults) for index, item in enumerate(value)]
        elif isinstance(kind, dict):
            if isinstance(value, dict):
                return {key: self._value(kind["*"], item, f"{path}.{key}", faults) for key, item in value.items()}
        elif kind in self.types:
            return self._named(kind, value, path, faults)
        else:
            exact = _scalar(kind, value)
            if exact is not None:
                return exact
        faults.append(Fault(path, f"Incorrect property value type: expected {_name(kind)}, got {_kind_of(value)}"))
        return value

    def _named(self, kind: str, value: Any, path: str, faults: list[Fault]) -> Any:
        spec = self.types[kind]
        if "enum" in spec:
            if value not in spec["enum"]:
                faults.append(Fault(path, f"expected one of {', '.join(spec['enum'])}, got {value!r}"))
            return value
        if not isinstance(value, dict):
            faults.append(Fault(path, f"Incorrect property value type: expected object, got {_kind_of(value)}"))
            return value
        for name in spec["required"]:
            if value.get(name) is None:
                reason = f'Missing required argument: The argument "{name}" is required, but no definition was found'
                faults.append(Fault(f"{path}.{name}", reason))
        given = {key: member for key, member in value.items() if member is not None}
        return self._members(spec["properties"], {**spec.get("defaults", {}), **given}, path, faults)


def _shape(spec: dict[str, Any]) -> Shape:
    return Shape(
        inputs=spec["inputs"],
        outputs=spec.get("outputs", {}),
        required=tuple(spec.get("required", ())),
        replace_on_changes=frozenset(spec.get("replaceOnChanges", ())),
        secret=frozenset(spec.get("secret", ())),
        always_output=frozenset(spec.get("alwaysOutput", ())),
        defaults=spec.get("defaults", {}),
        sets=frozenset(spec.get("sets", ())),
        schema_version=spec.get("schemaVersion", 0),
    )


def _scalar(kind: str, value: Any) -> Any:
    """The value as that type, or None. Text and numbers turn into each other as they do in official plugins:
    a resource's id is always text, even where the property that takes it is a number."""
    match kind:
        case "string" if isinstance(value, bool):
            return "true" if value else "false"
        case "string" if isinstance(value, str | int | float):
            return str(value)
        case "boolean" if isinstance(value, bool):
            return value
        case "boolean" if value in ("true", "false"):
            return value == "true"
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case "integer" | "number" if isinstance(value, str):
            try:
                return int(value) if kind == "integer" else float(value)
            except ValueError:
                return None
    return None


def _name(kind: Type) -> str:
    return "list" if isinstance(kind, list) else "map" if isinstance(kind, dict) else kind


def _kind_of(value: Any) -> str:
    names = {bool: "boolean", str: "string", int: "integer", float: "number", list: "list", dict: "object"}
    return names.get(type(value), type(value).__name__)
