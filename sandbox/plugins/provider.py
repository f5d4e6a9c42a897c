"""The part of a provider that is the same for every resource: check, difference, preview, secrets, read.

A schema and the plugin's `Resource` classes drive it. It follows the official plugins (Terraform providers behind
Pulumi's bridge): defaults and generated names become inputs, listed in the input `__defaults`. So a generated name is
kept from one `up` to the next, and is distinguished from a given one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

from google.protobuf.struct_pb2 import Struct, Value
from pulumi.runtime.proto import provider_pb2 as messages

from sandbox.plugins.difference import difference
from sandbox.plugins.resource import Log, Operation, Plugin, RefusedError, Resource, State
from sandbox.plugins.schema import Fault, Shape
from sandbox.plugins.values import UNKNOWN, Properties, Values, contains_secret, plain_map, property_map

_DEFAULTED = "__defaults"
_META = "__meta"
_IGNORED_CONFIGURATION = {"version", "pluginDownloadURL"}
_NAME_LENGTH = 255


class PluginProvider:
    """Serves a `Plugin` to the engine."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    async def check_config(self, request: messages.CheckRequest) -> messages.CheckResponse:
        given = {k: v for k, v in plain_map(request.news.fields).items() if k not in _IGNORED_CONFIGURATION}
        _, faults = self.plugin.schema.check(self.plugin.schema.config, given)
        return messages.CheckResponse(inputs=request.news, failures=_failures(faults))

    async def configure(self, request: messages.ConfigureRequest) -> messages.ConfigureResponse:
        schema = self.plugin.schema
        given: Values = {key.rpartition(":")[2]: value for key, value in request.variables.items()}
        given |= plain_map(request.args.fields)
        known = {key: value for key, value in given.items() if key in schema.config.inputs and value is not UNKNOWN}
        configuration, faults = schema.check(schema.config, known)
        if faults:
            raise RefusedError("; ".join(f"{self.plugin.name}:{fault.property}: {fault.reason}" for fault in faults))
        self.plugin.configure(configuration)
        return messages.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    async def check(self, request: messages.CheckRequest) -> messages.CheckResponse:
        resource, shape = self._find(type_of(request.urn))
        given = {key: value for key, value in plain_map(request.news.fields).items() if key != _DEFAULTED}
        defaulted = {key: value for key, value in shape.defaults.items() if key not in given}
        if resource.autoname and resource.autoname not in given:
            defaulted[resource.autoname] = self._name(resource.autoname, request)
        checked, faults = self.plugin.schema.check(shape, {**defaulted, **given})
        faults = faults or resource.check(checked)
        checked = checked if faults else resource.completed(checked)
        name = name_of(request.urn)
        failures = [
            messages.CheckFailure(
                reason=f"{fault.reason}. Examine values at '{'.'.join(filter(None, (name, fault.property)))}'."
            )
            for fault in faults
        ]
        if resource.autoname or shape.defaults:
            checked[_DEFAULTED] = sorted(defaulted)
        inputs = property_map(checked, request.news.fields, shape.secret)
        return messages.CheckResponse(inputs=inputs, failures=failures)

    def difference(
        self, type_token: str, old_inputs: Properties, old_state: Properties, new_inputs: Properties
    ) -> messages.DiffResponse:
        """Compares inputs with inputs: a refresh has written what drifted into the old ones (see `read`)."""
        resource, shape = self._find(type_token)
        old, new, state = plain_map(old_inputs), plain_map(new_inputs), plain_map(old_state)
        readable = set(new) & set(state) - resource.digested
        old = {**{name: state[name] for name in readable}, **old}
        replacing = shape.replace_on_changes | resource.replaces({**state, **old}, new)
        found = difference(shape, resource.watched(old), resource.watched(new), replacing)
        named = resource.autoname is not None and resource.autoname not in new.get(_DEFAULTED, [])
        return messages.DiffResponse(
            changes=messages.DiffResponse.DIFF_SOME if found.changed else messages.DiffResponse.DIFF_NONE,
            replaces=found.replaces,
            diffs=found.changed,
            hasDetailedDiff=True,
            detailedDiff=found.paths,
            deleteBeforeReplace=bool(found.replaces) and (named or resource.delete_before_replace),
        )

    def preview_create(self, type_token: str, inputs: Properties) -> Struct:
        """The outputs that a create will have: what is given, the rest unknown."""
        _, shape = self._find(type_token)
        given = _visible(plain_map(inputs))
        return property_map({**dict.fromkeys(shape.computed, UNKNOWN), **given}, inputs, shape.secret)

    def preview_update(self, type_token: str, old_state: Properties, inputs: Properties) -> Struct:
        """The outputs that an update will have: unchanged, except for given and newly computed values."""
        resource, shape = self._find(type_token)
        given = _visible(plain_map(inputs))
        kept = {
            name: value
            for name, value in plain_map(old_state).items()
            if name not in shape.inputs or name in shape.always_output
        }
        outputs = {**kept, **dict.fromkeys(resource.renewed, UNKNOWN), **given}
        return property_map(outputs, {**old_state, **inputs}, shape.secret)

    async def create_resource(self, operation: Operation, type_token: str, inputs: Properties) -> State:
        resource, _ = self._find(type_token)
        return await resource.create(operation, _visible(plain_map(inputs)))

    async def update_resource(
        self, operation: Operation, type_token: str, resource_id: str, old_state: Properties, inputs: Properties
    ) -> State:
        resource, _ = self._find(type_token)
        return await resource.update(operation, State(resource_id, plain_map(old_state)), _visible(plain_map(inputs)))

    async def delete_resource(self, operation: Operation, type_token: str, resource_id: str, state: Properties) -> None:
        resource, _ = self._find(type_token)
        await resource.delete(operation, State(resource_id, plain_map(state)))

    async def read_resource(
        self, operation: Operation, type_token: str, resource_id: str, old_state: Properties, old_inputs: Properties
    ) -> messages.ReadResponse:
        """The resource as it is now, and the inputs that would produce it."""
        resource, shape = self._find(type_token)
        if old_inputs and type(resource).read is Resource.read:  # what cannot be looked up is as it was
            return messages.ReadResponse(
                id=resource_id, properties=Struct(fields=old_state), inputs=Struct(fields=old_inputs)
            )
        state = await resource.read(operation, State(resource_id, plain_map(old_state)))
        if state is None:
            return messages.ReadResponse()
        present = {k: v for k, v in state.outputs.items() if k in shape.inputs and v not in (None, "", [], {})}
        if old_inputs:
            # What the provider fills in itself is an input only if it was given.
            present = {k: v for k, v in present.items() if k in old_inputs or (k not in shape.always_output and v)}
        else:
            present = {**shape.defaults, **present}
        given = plain_map(old_inputs)
        present |= {name: given[name] for name in resource.digested if name in given}
        like = {**old_state, **old_inputs}
        inputs = property_map(present, like)
        if _DEFAULTED in old_inputs:
            inputs.fields[_DEFAULTED].CopyFrom(old_inputs[_DEFAULTED])
        return messages.ReadResponse(id=state.id, properties=self.outputs(type_token, state, like), inputs=inputs)

    def outputs(self, type_token: str, state: State, inputs: Mapping[str, Value]) -> Struct:
        """A resource's state for the engine: secret where its inputs, the schema or the resource itself say so.

        The version of the Terraform schema goes with it, as the official plugins' bridge records it.
        """
        _, shape = self._find(type_token)
        version = {_META: json.dumps({"schema_version": str(shape.schema_version)})} if shape.schema_version else {}
        return property_map({**state.outputs, **version}, inputs, shape.secret | state.secret)

    def operation(self, urn: str, timeout: float, log: Log, inputs: Properties | None = None) -> Operation:
        """The operation that is passed to a resource."""
        secret = frozenset(name for name, value in (inputs or {}).items() if contains_secret(value))
        return Operation(urn, timeout, log, secret)

    async def invoke(self, request: messages.InvokeRequest) -> messages.InvokeResponse:
        function = self.plugin.functions.get(request.tok)
        if function is None:
            raise RefusedError(self._unsupported("function", request.tok))
        shape = self.plugin.schema.functions[request.tok]
        arguments, faults = self.plugin.schema.check(shape, plain_map(request.args.fields))
        if faults:
            return messages.InvokeResponse(failures=_failures(faults))
        result = await function.call(arguments)
        response = messages.InvokeResponse()
        # The field's name is a word of Python's.
        getattr(response, "return").CopyFrom(property_map(result, request.args.fields, shape.secret))
        return response

    def _find(self, type_token: str) -> tuple[Resource, Shape]:
        resource = self.plugin.resources.get(type_token)
        if resource is None:
            raise RefusedError(self._unsupported("resource", type_token))
        return resource, self.plugin.schema.resources[type_token]

    def _unsupported(self, kind: str, token: str) -> str:
        return (
            f"the {kind} {token} is not among those that the sandbox's {self.plugin.name} plugin supports. "
            f"Put the official pulumi-resource-{self.plugin.name} on PATH, or add it to sandbox/plugins."
        )

    def _name(self, key: str, request: messages.CheckRequest) -> str:
        old = plain_map(request.olds.fields)
        if key in old.get(_DEFAULTED, []):
            return old[key]
        # The engine hands out the same seed in the preview and in the update that follows it.
        digest = hashlib.sha256(request.randomSeed + request.urn.encode()).hexdigest()[:7]
        return f"{name_of(request.urn)[: _NAME_LENGTH - 8]}-{digest}"


def type_of(urn: str) -> str:
    """`urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME` -> `TYPE`."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    return urn.split("::", 3)[3]


def _failures(faults: Iterable[Fault]) -> list[messages.CheckFailure]:
    return [messages.CheckFailure(property=fault.property, reason=fault.reason) for fault in faults]


def _visible(inputs: Values) -> Values:
    return {name: value for name, value in inputs.items() if not name.startswith("__")}
