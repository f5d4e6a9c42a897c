"""The parts of a plugin: resources, functions and a configuration.

A resource type is a `Resource` whose methods translate one step of its life into calls. It is handed checked plain
values and returns the whole new `State`; types, defaults, autonaming, secrets, previews and differences are the
machinery's (`provider.py`), driven by the schema. A preview never reaches a resource.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from sandbox.plugins.schema import Fault, Schema
from sandbox.plugins.values import Values


class RefusedError(Exception):
    """A fault that is shown to the user as it is, without a traceback: the message says what, where and why."""


class Severity(IntEnum):
    """The engine's log levels."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class State:
    """A resource as it stands: its id and all its properties, inputs included.

    `secret` names outputs that are secret this time, beside those that the schema marks and those that were
    secret as inputs of the same name.
    """

    id: str
    outputs: Values
    secret: frozenset[str] = frozenset()


Log = Callable[[Severity, str], Awaitable[None]]


@dataclass
class Operation:
    """One create, read, update or delete that the engine requested."""

    urn: str
    timeout: float
    """Seconds that the user allows (`custom_timeouts`), 0 when he did not say."""
    log: Log
    """Shows a line beside the resource while it is worked on."""
    secret_inputs: frozenset[str] = frozenset()
    """The inputs that are or contain a secret; empty for read and delete."""
    reached: State | None = field(default=None, init=False)

    def made(self, state: State) -> None:
        """Says that the resource exists, as soon as it does.

        When the rest of the operation then fails or is cancelled, the engine records this state and finishes
        the work in the next `up`, rather than forgetting what was made.
        """
        self.reached = state


class Resource(ABC):
    """One resource type."""

    token: ClassVar[str]
    """For example `digitalocean:index/droplet:Droplet`."""
    autoname: ClassVar[str | None] = None
    """The property that gets the logical name and seven random hex digits when it is not given.

    As with official plugins, a given name makes a replacement delete the old resource first.
    """
    delete_before_replace: ClassVar[bool] = False
    digested: ClassVar[frozenset[str]] = frozenset()
    """Properties that the state holds as a digest: what was given cannot be read back from it."""
    renewed: ClassVar[frozenset[str]] = frozenset()
    """Outputs that an update renews: unknown in the preview of one."""

    def check(self, inputs: Values) -> list[Fault]:
        """Rules beyond types; values may be `UNKNOWN`."""
        del inputs
        return []

    def completed(self, inputs: Values) -> Values:
        """Inputs that were found without a fault, with those that the provider works out by itself."""
        return inputs

    def watched(self, inputs: Values) -> Values:
        """The inputs without those whose change makes no difference."""
        return inputs

    def replaces(self, old: Values, new: Values) -> frozenset[str]:
        """Properties whose change, this time, needs a replacement, beside those in the schema.

        Raises `RefusedError` for a change that cannot be made at all.
        """
        del old, new
        return frozenset()

    @abstractmethod
    async def create(self, operation: Operation, inputs: Values) -> State: ...

    @abstractmethod
    async def delete(self, operation: Operation, state: State) -> None:
        """Deletes it; that it is gone already is no fault."""

    async def read(self, operation: Operation, state: State) -> State | None:
        """What it is now, None when it is gone. For an import, `state` holds nothing but the id.

        The default suits what cannot be looked up: it is as it was.
        """
        del operation
        return state

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        """Changes it in place. The default is for types all of whose properties need a replacement."""
        raise NotImplementedError(f"{self.token} cannot be changed in place")


class Function(ABC):
    """One function (`get_…`)."""

    token: ClassVar[str]

    @abstractmethod
    async def call(self, arguments: Values) -> Values: ...


@dataclass(frozen=True)
class Plugin:
    """All of one plugin: `plugin()` in its module returns it."""

    name: str
    schema: Schema
    resources: Mapping[str, Resource]
    functions: Mapping[str, Function] = field(default_factory=dict)
    configure: Callable[[Values], None] = lambda _: None
    """Called once with the provider's configuration, before any operation; raises `RefusedError` if it is bad."""
    version: str | None = None
    """When None, that of the installed SDK `pulumi-NAME`, which the official plugin of that SDK carries as well."""
