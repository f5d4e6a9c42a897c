"""The program run against mocks that keep what an engine would have been asked, options included.

Pulumi's own mocks hand over a resource's type, name and inputs only. Whether it is protected, what it depends on and
what becomes of it when its machine goes away is in the registration request: hence a monitor of our own.
"""

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks, rpc, set_mocks
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.proto import resource_pb2

from auren_infra import stack
from auren_infra.blueprint import describe
from auren_infra.placement import place
from auren_infra.settings.deployed import Deployed
from auren_infra.smoke_test import update as smoke_test
from auren_infra.smoke_test.answers import Network
from tests.unit.configuration import NAME, settings
from tests.unit.smoke_test.network import DIRECT, FakeNetwork

__all__ = ["NAME"]

STACK = "test"
ADDRESS = "198.51.100.10"
ZONE_ID = "023e105f4ecef8ad9ca31a8372d0c353"

UNKNOWN = "<unknown>"
"""Stands in a registration's inputs for what is known only after the update."""

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True)
class Registration:
    """One resource as it was registered, in plain values."""

    type: str
    name: str
    urn: str
    parent: str
    inputs: dict[str, Any]
    secrets: frozenset[str]
    """The inputs that are secret, or hold a secret somewhere."""
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    import_id: str
    """Of what exists already and becomes this resource; empty for one that is created."""
    dependencies: frozenset[str]
    """URNs, those of the inputs included."""
    deleted_with: str
    replace_with: frozenset[str]
    replace_on_changes: tuple[str, ...]
    create_hooks: tuple[str, ...]
    update_hooks: tuple[str, ...]
    error_hooks: tuple[str, ...]


@dataclass
class Rehearsal:
    """Everything that one run of the program registered, and its outputs."""

    resources: list[Registration] = field(default_factory=list[Registration])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    """Resolved, secrets too; empty in a preview, where not all of them are known."""
    secret_outputs: set[str] = field(default_factory=set[str])
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The URNs that a resource, or its parent, had before, by its URN now."""
    hooks: dict[str, pulumi.ResourceHook] = field(default_factory=dict[str, pulumi.ResourceHook])
    """By name."""

    def of_type(self, type_: str) -> list[Registration]:
        return [resource for resource in self.resources if resource.type == type_]

    def one(self, type_: str, name: str) -> Registration:
        """The resource of this type and name. Raises `LookupError` with what there is."""
        found = [resource for resource in self.of_type(type_) if resource.name == name]
        if len(found) != 1:
            names = sorted(resource.name for resource in self.of_type(type_))
            raise LookupError(f"{len(found)} resources {type_} {name}; there are {names}")
        return found[0]

    def only(self, type_: str) -> Registration:
        """The only resource of this type."""
        (found,) = self.of_type(type_)
        return found

    def command(self, name: str) -> Registration:
        """The command that runs on the machine under this name."""
        return self.one("command:remote:Command", f"{NAME}-{name}")

    def commands(self) -> Iterator[Registration]:
        yield from self.of_type("command:remote:Command")

    def ancestry(self, urn: str) -> frozenset[str]:
        """All URNs that must be there before this one, however far away."""
        by_urn = {resource.urn: resource for resource in self.resources}
        seen: set[str] = set()
        waiting = [urn]
        while waiting:
            for dependency in by_urn[waiting.pop()].dependencies - seen:
                seen.add(dependency)
                waiting.append(dependency)
        return frozenset(seen)


def zone(name: str = "aupex.ai", **more: str) -> dict[str, Any]:
    """A zone as Cloudflare tells of it."""
    account = {"id": "0" * 32, "name": more.pop("account", "Ada's")}
    return {"id": ZONE_ID, "name": name, "status": "active", "account": account, **more}


@dataclass
class World:
    """What the clouds and the engine answer when the program asks."""

    zones: list[dict[str, Any]] = field(default_factory=lambda: [zone()])
    disk_gb: int | None = None
    """Of the droplet that is there; None: DigitalOcean refuses to say."""
    refusal: str = "503 Service Unavailable"
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    """The resources of the stack's last update: URN -> `type` and `outputs`."""
    unreadable: int = 0
    """How often the engine cannot read the state before it can."""
    asked: list[str] = field(default_factory=list[str])
    """The functions that were called."""


@dataclass(frozen=True)
class _Callbacks:
    """Where an engine would call back. Mocks have none, and take no hooks without one."""

    rehearsal: Rehearsal

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        """A test may call it as the engine would."""
        self.rehearsal.hooks[hook.name] = hook

    def register_error_hook(self, hook: pulumi.ErrorHook) -> None:
        """Nothing fails in a rehearsal."""


class _Cloud(mocks.Mocks):
    """What the providers would answer."""

    def __init__(
        self, world: "World", *, preview: bool, passwords: Mapping[str, str], undeployed: Collection[str]
    ) -> None:
        self._world = world
        self._preview = preview
        self._passwords = passwords
        self._undeployed = undeployed

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        self._world.asked.append(args.token)
        match args.token:
            case "cloudflare:index/getZones:getZones":
                wanted = args.args["name"]
                return {"name": wanted, "results": [zone for zone in self._world.zones if zone["name"] == wanted]}, []
            case "digitalocean:index/getDroplet:getDroplet":
                if self._world.disk_gb is None:
                    return {}, [("id", self._world.refusal)]
                return {**args.args, "disk": self._world.disk_gb}, []
            case "pulumi:pulumi:readStackResourceOutputs" | "pulumi:pulumi:readStackOutputs" if self._world.unreadable:
                self._world.unreadable -= 1
                return {}, [("", "failed to load checkpoint: EOF")]
            case "pulumi:pulumi:readStackResourceOutputs":
                return {"name": args.args["stackName"], "outputs": self._world.state}, []
            case "pulumi:pulumi:readStackOutputs":
                stacks = [each for each in self._world.state.values() if each["type"] == "pulumi:pulumi:Stack"]
                return {"name": args.args["name"], "outputs": stacks[0]["outputs"] if stacks else {}}, []
            case other:
                raise AssertionError(other)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if self._preview or args.name in self._undeployed:
            return "", args.inputs
        computed: dict[str, Any] = {
            "digitalocean:index/reservedIp:ReservedIp": {"ipAddress": ADDRESS},
            "tls:index/privateKey:PrivateKey": {
                "privateKeyOpenssh": f"PRIVATE-{args.name}-PRIVATE\n",
                "publicKeyOpenssh": f"ssh-ed25519 {public_key(args.name)}\n",
            },
            "random:index/randomPassword:RandomPassword": {
                "result": self._passwords.get(args.name, f"PASSWORD-{args.name}-PASSWORD")
            },
            "digitalocean:index/spacesKey:SpacesKey": {
                "accessKey": f"ID-{args.name}-ID",
                "secretKey": f"KEY-{args.name}-KEY",
            },
            "docker:index/image:Image": {"repoDigest": _built(args.inputs)},
            "command:remote:Command": {"stdout": _printed(args.name, args.inputs)},
        }.get(args.typ, {})
        return ("3164494" if "roplet" in args.typ else f"id-of-{args.name}"), {**args.inputs, **computed}


def public_key(name: str) -> str:
    """In base64, as long as base64 must be."""
    text = f"AAAAC3{name.replace('-', '')}"
    return text + "A" * (-len(text) % 4)


def _printed(command: str, inputs: Mapping[str, Any]) -> str:
    """What a command prints: something else each time that it runs again, which any change of its inputs causes."""
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()
    return f"stdout of {command}, run with {digest[:16]}"


def _built(image: Mapping[str, Any]) -> str:
    """The reference of an image whose content is its Dockerfile's."""
    if "build" not in image:
        return ""
    digest = hashlib.sha256((Path(image["build"]["context"]) / "Dockerfile").read_bytes()).hexdigest()
    return f"{image['imageName'].rpartition(':')[0]}@sha256:{digest}"


@contextmanager
def _event_loop_of_this_thread() -> Iterator[None]:
    """A mock that runs in a worker thread makes an event loop there and closes it never."""
    if threading.current_thread() is threading.main_thread():
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _Monitor(mocks.MockMonitor):
    """Keeps every registration; a provider's secret outputs come back as secrets, as from the engine."""

    def __init__(self, cloud: _Cloud, rehearsal: Rehearsal) -> None:
        super().__init__(cloud)
        self._rehearsal = rehearsal

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Any:  # noqa: N802 the protocol's name
        with _event_loop_of_this_thread():
            return super().Invoke(request)

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 the protocol's name
        if request.type != "pulumi:pulumi:Stack":
            urn = self.make_urn(request.parent, request.type, request.name)
            self._rehearsal.resources.append(_registration(request, urn))
            self._rehearsal.aliases[urn] = (*request.aliasURNs, *(each.spec.parentUrn for each in request.aliases))
        with _event_loop_of_this_thread():
            answer = super().RegisterResource(request)
        for name in request.additionalSecretOutputs:
            if name in answer.object.fields:
                wrapped = struct_pb2.Struct()
                wrapped.fields[_SIGNATURE].string_value = _SECRET
                wrapped.fields["value"].CopyFrom(answer.object.fields[name])
                answer.object.fields[name].struct_value.CopyFrom(wrapped)
        return answer


def _registration(request: resource_pb2.RegisterResourceRequest, urn: str) -> Registration:
    inputs = MessageToDict(request.object)
    return Registration(
        type=request.type,
        name=request.name,
        urn=urn,
        parent=request.parent,
        inputs={name: _plain(value) for name, value in inputs.items()},
        secrets=frozenset(name for name, value in inputs.items() if _holds_secret(value)),
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace,
        import_id=request.importId,
        dependencies=frozenset(request.dependencies),
        deleted_with=request.deletedWith,
        replace_with=frozenset(request.replace_with),
        replace_on_changes=tuple(request.replaceOnChanges),
        create_hooks=tuple(request.hooks.before_create),
        update_hooks=tuple(request.hooks.before_update),
        error_hooks=tuple(request.hooks.on_error),
    )


def _plain(value: Any) -> Any:
    match value:
        case dict() if value.get(_SIGNATURE) == _SECRET:
            return _plain(value["value"])
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case rpc.UNKNOWN:
            return UNKNOWN
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _holds_secret(value: Any) -> bool:
    match value:
        case dict():
            return value.get(_SIGNATURE) == _SECRET or any(_holds_secret(item) for item in value.values())
        case list():
            return any(_holds_secret(item) for item in value)
        case _:
            return False


def rehearse(
    program: Callable[[], dict[str, Any]],
    *,
    preview: bool,
    world: World | None = None,
    passwords: Mapping[str, str] | None = None,
    into: Rehearsal | None = None,
    network: Network | None = None,
    undeployed: Collection[str] = (),
) -> Rehearsal:
    """Run `program` to its end; what it returns are the outputs. Raises what it raises.

    `world` is what it can ask for; `passwords` are generated ones by name; `into` is filled even if it fails.
    `network` is what the smoke test asks: without one, the site answers. `undeployed` are resources that `--target`
    leaves out, by name.
    """
    rehearsal = into or Rehearsal()
    cloud = _Cloud(world or World(), preview=preview, passwords=passwords or {}, undeployed=undeployed)
    set_mocks(cloud, project="auren", stack=STACK, preview=preview, monitor=_Monitor(cloud, rehearsal))
    runtime_settings.SETTINGS.callbacks = _Callbacks(rehearsal)  # pyright: ignore[reportAttributeAccessIssue]: typed as its decorator

    async def keep(outputs: dict[str, Any]) -> None:
        for name, value in outputs.items():
            output = pulumi.Output.from_input(value)
            if await output.is_secret():
                rehearsal.secret_outputs.add(name)
            if not preview:
                rehearsal.outputs[name] = await output.future()

    with patch.object(smoke_test, "open_network", lambda _: network or FakeNetwork(DIRECT)):
        pulumi.runtime.test(lambda: keep(program()))()
    return rehearsal


def deploy(*, preview: bool = False, passwords: Mapping[str, str] | None = None, **changes: str) -> Rehearsal:
    """The stack with a complete configuration and these `changes` of it."""
    chosen = settings(**changes)
    return rehearse(lambda: stack.deploy(place(describe(chosen)), Deployed()), preview=preview, passwords=passwords)
