"""Serves a plugin over gRPC: the protocol's messages in and out.

Not with the SDK's servicer (`pulumi.provider.experimental`): importing it took more than half of a plugin's start, and
it does not support the old inputs of a difference, an error without a prefix, the state of a partly created resource,
and cancelling. Methods that a plugin here does not serve are answered with UNIMPLEMENTED.
"""

# ruff: noqa: N802  the methods' names are the protocol's

import asyncio
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.proto import provider_pb2 as messages

from sandbox.plugins.provider import PluginProvider, type_of
from sandbox.plugins.resource import Log, Operation, Plugin, RefusedError, Severity, State
from sandbox.plugins.values import Properties

_ORPHAN_CHECK = 2.0
"""Seconds between two looks at whether the engine still lives."""
_OPTIONS = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    # The default of 30 seconds drops what waits while the process is busy.
    ("grpc.server_max_unrequested_time_in_server", 30 * 60),
]
"""As the SDK's servers have them."""


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One plugin's side of the conversation with the engine."""

    def __init__(self, plugin: Plugin, engine_address: str) -> None:
        self.provider = PluginProvider(plugin)
        self._version = plugin.version or _sdk_version(plugin.name)
        self._engine: Any = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(engine_address))
        self._running: set[asyncio.Task[Any]] = set()

    async def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        del request, context
        return plugin_pb2.PluginInfo(version=self._version)

    async def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        del request, context
        for task in self._running:
            task.cancel()
        return empty_pb2.Empty()

    async def Configure(self, request: Any, context: Any) -> Any:
        return await self._answer(context, self.provider.configure(request))

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return await self._answer(context, self.provider.check_config(request))

    async def DiffConfig(self, request: Any, context: Any) -> messages.DiffResponse:
        """A changed configuration (a new token, say) replaces nothing."""
        del context
        same = request.olds == request.news
        return messages.DiffResponse(
            changes=messages.DiffResponse.DIFF_NONE if same else messages.DiffResponse.DIFF_SOME
        )

    async def Check(self, request: Any, context: Any) -> Any:
        return await self._answer(context, self.provider.check(request))

    async def Invoke(self, request: Any, context: Any) -> Any:
        return await self._answer(context, self.provider.invoke(request))

    async def Diff(self, request: Any, context: Any) -> messages.DiffResponse:
        async def compare() -> messages.DiffResponse:
            old_inputs, old_state, news = map(_properties, (request.old_inputs, request.olds, request.news))
            return self.provider.difference(type_of(request.urn), old_inputs, old_state, news)

        return await self._answer(context, compare())

    async def Create(self, request: Any, context: Any) -> messages.CreateResponse:
        kind, inputs = type_of(request.urn), _properties(request.properties)
        operation = self.provider.operation(request.urn, request.timeout, self._log(request.urn), inputs)

        async def create() -> messages.CreateResponse:
            if request.preview:
                return messages.CreateResponse(properties=self.provider.preview_create(kind, inputs))
            state = await self.provider.create_resource(operation, kind, inputs)
            return messages.CreateResponse(id=state.id, properties=self.provider.outputs(kind, state, inputs))

        return await self._answer(context, create(), operation, lambda state: self._unfinished(kind, state, inputs))

    async def Update(self, request: Any, context: Any) -> messages.UpdateResponse:
        kind, olds, news = type_of(request.urn), _properties(request.olds), _properties(request.news)
        operation = self.provider.operation(request.urn, request.timeout, self._log(request.urn), news)

        async def update() -> messages.UpdateResponse:
            if request.preview:
                return messages.UpdateResponse(properties=self.provider.preview_update(kind, olds, news))
            state = await self.provider.update_resource(operation, kind, request.id, olds, news)
            return messages.UpdateResponse(properties=self.provider.outputs(kind, state, news))

        return await self._answer(context, update(), operation, lambda state: self._unfinished(kind, state, news))

    async def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        operation = self.provider.operation(request.urn, request.timeout, self._log(request.urn))

        async def delete() -> empty_pb2.Empty:
            kind = type_of(request.urn)
            await self.provider.delete_resource(operation, kind, request.id, _properties(request.properties))
            return empty_pb2.Empty()

        return await self._answer(context, delete())

    async def Read(self, request: Any, context: Any) -> messages.ReadResponse:
        operation = self.provider.operation(request.urn, 0, self._log(request.urn))

        async def read() -> messages.ReadResponse:
            olds, inputs = _properties(request.properties), _properties(request.inputs)
            return await self.provider.read_resource(operation, type_of(request.urn), request.id, olds, inputs)

        return await self._answer(context, read())

    async def _answer(
        self,
        context: Any,
        work: Awaitable[Any],
        operation: Operation | None = None,
        unfinished: Callable[[State], messages.ErrorResourceInitFailed] | None = None,
    ) -> Any:
        """Does the work; a failure reaches the user as one message, with what was already made."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            message = "the operation was cancelled"
        except RefusedError as refused:
            message = str(refused)
        except Exception:
            message = traceback.format_exc()
        finally:
            self._running.discard(task)
        metadata: tuple[tuple[str, bytes], ...] = ()
        if operation is not None and operation.reached is not None and unfinished is not None:
            detail = unfinished(operation.reached)
            detail.reasons.append(message)
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
            status.details.add().Pack(detail)
            metadata = (("grpc-status-details-bin", status.SerializeToString()),)
        return await context.abort(grpc.StatusCode.UNKNOWN, message, metadata)

    def _unfinished(self, kind: str, state: State, inputs: Properties) -> messages.ErrorResourceInitFailed:
        properties = self.provider.outputs(kind, state, inputs)
        return messages.ErrorResourceInitFailed(id=state.id, properties=properties, inputs=Struct(fields=inputs))

    def _log(self, urn: str) -> Log:
        async def log(severity: Severity, message: str) -> None:
            level = engine_pb2.LogSeverity.Value(severity.name)
            # Progress is shown while it lasts; what is left to read at the end are warnings and errors.
            passing = severity <= Severity.INFO
            await self._engine.Log(engine_pb2.LogRequest(severity=level, message=message, urn=urn, ephemeral=passing))

        return log


def serve(plugin: Plugin, arguments: list[str]) -> int:
    """Serves until the engine is done; the port goes to standard output, as the engine expects."""
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        print("the engine's address is missing: this program is started by pulumi", file=sys.stderr)
        return 2
    try:
        asyncio.run(_serve(plugin, addresses[0]))
    except KeyboardInterrupt:
        return 130
    return 0


async def _serve(plugin: Plugin, engine_address: str) -> None:
    engine = os.getppid()
    server = grpc.aio.server(options=_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(plugin, engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    while os.getppid() == engine:
        await server.wait_for_termination(_ORPHAN_CHECK)


def _sdk_version(name: str) -> str:
    """As the SDK says it to the engine; `importlib.metadata` takes longer to import than a message to read."""
    spec = importlib.util.find_spec(f"pulumi_{name}")
    assert spec is not None, f"pulumi-{name} is not installed"
    assert spec.origin is not None
    return json.loads(Path(spec.origin).with_name("pulumi-plugin.json").read_text())["version"]


def _properties(struct: Struct) -> Properties:
    return dict(struct.fields)
