"""Orders about the services: their releases, their containers, and what keeps these running."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Generic

import pulumi

from auren_infra import bundle
from auren_infra.host.orders.order import Order, Text, known, lines, no_data, seen
from auren_infra.release_text import Release, argument, parse


@dataclass(frozen=True)
class Stage(Order, Generic[Text]):
    """A release of a service on the machine, with its secrets and its image, accepted by its preflight."""

    id: ClassVar[str] = "stage"

    service: str
    digests: Mapping[str, Text]
    """Of its secrets, by their names."""
    text: Text
    """Of the release, without the digests."""

    def arguments(self) -> Sequence[pulumi.Input[str]]:
        return self.service, *(_argument(name, known(digest)) for name, digest in self.digests.items())

    def data(self) -> pulumi.Input[str]:
        return known(self.text)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Stage[str | None]":
        service, *secrets = arguments
        pairs = [secret.partition("=") for secret in secrets]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError("a secret of a release is NAME=DIGEST")
        digests: dict[str, str | None] = {name: digest for name, _, digest in pairs}
        return Stage(service, digests, data)

    def release(self: "Stage[str | None]") -> Release:
        """Raises `ValueError` when it cannot be seen, or is none."""
        return parse(seen(self.text), tuple(argument(name, seen(digest)) for name, digest in self.digests.items()))


def _argument(name: str, digest: pulumi.Input[str]) -> pulumi.Input[str]:
    if isinstance(digest, str):
        return argument(name, digest)
    return pulumi.Output.from_input(digest).apply(partial(argument, name))


@dataclass(frozen=True)
class Start(Order, Generic[Text]):
    """The container of a service runs the staged release and is healthy. Each kind of this has a way to come there."""

    service: str
    seconds: int
    """That the container may take to become healthy."""
    staged: Text
    """What `Stage` printed."""

    def arguments(self) -> Sequence[str]:
        return self.service, str(self.seconds)

    def data(self) -> pulumi.Input[str]:
        return known(self.staged)


@dataclass(frozen=True)
class Switch(Start[Text]):
    """The old container ends before the new one starts."""

    id: ClassVar[str] = "switch"

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Switch[str | None]":
        service, seconds = arguments
        return Switch(service, int(seconds), data)


@dataclass(frozen=True)
class Reload(Start[Text]):
    """The container reads its files while it runs. For any other change it ends before the new one starts."""

    id: ClassVar[str] = "reload"

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Reload[str | None]":
        service, seconds = arguments
        return Reload(service, int(seconds), data)


@dataclass(frozen=True)
class StartFirst(Start[Text]):
    """The new container starts beside the old one."""

    id: ClassVar[str] = "start_first"

    drain: int
    """Seconds that the old container has for the requests that it is answering."""
    watch: int
    """Seconds that the new one is watched after it took over. When it fails, the old one takes over again."""
    lenders: tuple[str, ...]
    """The services that are stopped meanwhile, so that there is memory for two containers."""

    def arguments(self) -> Sequence[str]:
        return *super().arguments(), str(self.drain), str(self.watch), *self.lenders

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "StartFirst[str | None]":
        service, seconds, drain, watch, *lenders = arguments
        return StartFirst(service, int(seconds), data, int(drain), int(watch), tuple(lenders))


@dataclass(frozen=True)
class Fill(Order, Generic[Text]):
    """The volumes that are backed up or copied are not empty, or the bucket is."""

    id: ClassVar[str] = "fill"

    target: tuple[str, ...]
    """Nothing; or `latest` or a time, and maybe as of when the bucket counts: `--as-of`, TIME. From another stack's
    bucket, `anonymised` or `real` comes first."""
    staged: Text
    """What `Stage` printed."""

    def arguments(self) -> Sequence[str]:
        return self.target

    def data(self) -> pulumi.Input[str]:
        return known(self.staged)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Fill[str | None]":
        return Fill(tuple(arguments), data)


@dataclass(frozen=True)
class BackUpFirst(Order, Generic[Text]):
    """The stores whose staged release is not the one that runs are in the bucket of the backups."""

    id: ClassVar[str] = "back_up_first"

    minutes: int
    """How old a backup may be. 0: none is asked for."""
    staged: Text
    """A line for each store: its name, and what `Stage` printed."""

    def arguments(self) -> Sequence[str]:
        return (str(self.minutes),)

    def data(self) -> pulumi.Input[str]:
        return known(self.staged)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "BackUpFirst[str | None]":
        (minutes,) = arguments
        return BackUpFirst(int(minutes), data)


@dataclass(frozen=True)
class BackUp(Order, Generic[Text]):
    """The bucket has a backup of the database and a copy of each other store, and the log arrives there."""

    id: ClassVar[str] = "back_up"

    staged: Text
    """What `Stage` printed: it is asked again for each release."""

    def data(self) -> pulumi.Input[str]:
        return known(self.staged)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "BackUp[str | None]":
        () = arguments
        return BackUp(data)


@dataclass(frozen=True)
class Jobs(Order):
    """What the machine does on a schedule, and nothing else of AUREN."""

    id: ClassVar[str] = "jobs"

    units: Mapping[str, str]
    """Text by name: a service and its timer for each job."""

    def data(self) -> str:
        return bundle.pack(self.units)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Jobs":
        () = arguments
        return Jobs(bundle.unpack(seen(data)))


@dataclass(frozen=True)
class Retire(Order):
    """No service is on the machine but these."""

    id: ClassVar[str] = "retire"

    services: tuple[str, ...]

    def data(self) -> str:
        return "".join(f"{service}\n" for service in self.services)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Retire":
        () = arguments
        return Retire(lines(data))


@dataclass(frozen=True)
class Programs(Order):
    """The programs that stay on the machine, and what they read."""

    id: ClassVar[str] = "programs"

    files: Mapping[str, str]
    """Text by name. The name of a command that people call begins with `auren-`."""

    def data(self) -> str:
        return bundle.pack(self.files)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Programs":
        () = arguments
        return Programs(bundle.unpack(seen(data)))


@dataclass(frozen=True)
class Supervision(Order):
    """The watchdog, and the units that start and stop it and the containers."""

    id: ClassVar[str] = "supervision"

    watchdog: str
    units: Mapping[str, str]
    """Text by name."""

    def data(self) -> str:
        return bundle.pack({"watchdog": self.watchdog, **self.units})

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Supervision":
        () = arguments
        units = bundle.unpack(seen(data))
        if next(iter(units), "") != "watchdog":
            raise ValueError("the watchdog comes first")
        return Supervision(units.pop("watchdog"), units)


@dataclass(frozen=True)
class KafkaTopics(Order):
    """These topics, with their retention."""

    id: ClassVar[str] = "kafka_topics"

    container: str
    port: int
    topics: tuple[str, ...]
    """`NAME PARTITIONS RETENTION_MS RETENTION_BYTES` each."""

    def arguments(self) -> Sequence[str]:
        return self.container, str(self.port)

    def data(self) -> str:
        return "".join(f"{topic}\n" for topic in self.topics)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "KafkaTopics":
        container, port = arguments
        return KafkaTopics(container, int(port), lines(data))


@dataclass(frozen=True)
class Sqlite(Order):
    """A statement that has run in a database."""

    id: ClassVar[str] = "sqlite"

    database: str
    """Its path on the machine."""
    statement: str

    def arguments(self) -> Sequence[str]:
        return (self.database,)

    def data(self) -> str:
        return self.statement

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Sqlite":
        (database,) = arguments
        return Sqlite(database, seen(data))


@dataclass(frozen=True)
class Tidy(Order):
    """Nothing of what deployments had on the machine before there were releases."""

    id: ClassVar[str] = "tidy"

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "Tidy":
        () = arguments
        no_data(data)
        return Tidy()
