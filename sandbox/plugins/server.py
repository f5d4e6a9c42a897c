"""Serves a plugin over gRPC, the SDK's servicer where it suffices.

Its own handlers here add what the SDK's leave out: the old inputs of a difference, an error as its bare message, the
state of a resource that was made but not finished, cancelling, and leaving when the engine is gone.
"""

# ruff: noqa: N802  the methods' names are the protocol's

import asyncio
import importlib.metadata
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2_grpc, status_pb2

from sandbox.plugins.provider import PluginProvider, type_of
from sandbox.plugins.resource import Log, Operation, Plugin, RefusedError, Severity, State

_ORPHAN_CHECK = 2.0
"""Seconds between two looks at whether the engine still lives."""

unmarshal = PropertyValue.unmarshal_map
marshal = PropertyValue.marshal_map


class Servicer(ProviderServicer):
    """One plugin's side of the conversation with the engine."""

    def __init__(self, plugin: Plugin, engine_address: str) -> None:
        self.provider = PluginProvider(plugin)
        super().__init__([], plugin.version or _sdk_version(plugin.name), self.provider, engine_address)
        self._engine: Any = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(engine_address))
        self._running: set[asyncio.Task[Any]] = set()

    async def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        del request, context
        for task in self._running:
            task.cancel()
        return empty_pb2.Empty()

    async def Configure(self, request: Any, context: Any) -> Any:
        return await self._answer(context, super().Configure(request, context))

    async def CheckConfig(self, request: Any, context: Any) -> Any:
        return await self._answer(context, super().CheckConfig(request, context))

    async def DiffConfig(self, request: Any, context: Any) -> proto.DiffResponse:
        """A changed configuration (a new token, say) replaces nothing."""
        del context
        same = unmarshal(request.olds) == unmarshal(request.news)
        return proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE if same else proto.DiffResponse.DIFF_SOME)

    async def Check(self, request: Any, context: Any) -> Any:
        return await self._answer(context, super().Check(request, context))

    async def Invoke(self, request: Any, context: Any) -> Any:
        return await self._answer(context, super().Invoke(request, context))

    async def Diff(self, request: Any, context: Any) -> proto.DiffResponse:
        async def compare() -> proto.DiffResponse:
            found = self.provider.difference(
                type_of(request.urn), unmarshal(request.old_inputs), unmarshal(request.olds), unmarshal(request.news)
            )
            return proto.DiffResponse(
                changes=proto.DiffResponse.DIFF_SOME if found.changes else proto.DiffResponse.DIFF_NONE,
                replaces=found.replaces,
                diffs=found.diffs,
                deleteBeforeReplace=found.delete_before_replace,
                hasDetailedDiff=True,
                detailedDiff={path: _property_diff(diff) for path, diff in found.detailed_diff.items()},
            )

        return await self._answer(context, compare())

    async def Create(self, request: Any, context: Any) -> proto.CreateResponse:
        kind, inputs = type_of(request.urn), unmarshal(request.properties)
        operation = self.provider.operation(request.urn, request.timeout, self._log(request.urn), inputs)

        async def create() -> proto.CreateResponse:
            if request.preview:
                return proto.CreateResponse(properties=marshal(self.provider.preview_create(kind, inputs)))
            state = await self.provider.create_resource(operation, kind, inputs)
            return proto.CreateResponse(id=state.id, properties=marshal(self.provider.outputs(kind, state, inputs)))

        return await self._answer(context, create(), operation, lambda state: self._unfinished(kind, state, inputs))

    async def Update(self, request: Any, context: Any) -> proto.UpdateResponse:
        kind, olds, news = type_of(request.urn), unmarshal(request.olds), unmarshal(request.news)
        operation = self.provider.operation(request.urn, request.timeout, self._log(request.urn), news)

        async def update() -> proto.UpdateResponse:
            if request.preview:
                return proto.UpdateResponse(properties=marshal(self.provider.preview_update(kind, olds, news)))
            state = await self.provider.update_resource(operation, kind, request.id, olds, news)
            return proto.UpdateResponse(properties=marshal(self.provider.outputs(kind, state, news)))

        return await self._answer(context, update(), operation, lambda state: self._unfinished(kind, state, news))

    async def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        operation = self.provider.operation(request.urn, request.timeout, self._log(request.urn))

        async def delete() -> empty_pb2.Empty:
            kind = type_of(request.urn)
            await self.provider.delete_resource(operation, kind, request.id, unmarshal(request.properties))
            return empty_pb2.Empty()

        return await self._answer(context, delete())

    async def Read(self, request: Any, context: Any) -> proto.ReadResponse:
        operation = self.provider.operation(request.urn, 0, self._log(request.urn))

        async def read() -> proto.ReadResponse:
            olds, inputs = unmarshal(request.properties), unmarshal(request.inputs)
            found = await self.provider.read_resource(operation, type_of(request.urn), request.id, olds, inputs)
            return proto.ReadResponse(
                id=found.resource_id or "", properties=marshal(found.properties), inputs=marshal(found.inputs)
            )

        return await self._answer(context, read())

    async def _answer(
        self,
        context: Any,
        work: Awaitable[Any],
        operation: Operation | None = None,
        unfinished: Callable[[State], proto.ErrorResourceInitFailed] | None = None,
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

    def _unfinished(self, kind: str, state: State, inputs: dict[str, PropertyValue]) -> proto.ErrorResourceInitFailed:
        properties = marshal(self.provider.outputs(kind, state, inputs))
        return proto.ErrorResourceInitFailed(id=state.id, properties=properties, inputs=marshal(inputs))

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
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(plugin, engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    while os.getppid() == engine:
        await server.wait_for_termination(_ORPHAN_CHECK)


def _sdk_version(name: str) -> str:
    return importlib.metadata.version(f"pulumi-{name}")


def _property_diff(diff: protocol.PropertyDiff) -> proto.PropertyDiff:
    return proto.PropertyDiff(kind=proto.PropertyDiff.Kind.Value(diff.kind.name), inputDiff=diff.input_diff)
