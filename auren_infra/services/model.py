"""The words that services are described in: frozen values, nothing of Pulumi, Docker or a machine."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address

from auren_infra.settings import CONTAINER_SUBNET

NETWORK_NAME = "auren-network"


class Protocol(StrEnum):
    TCP = "TCP"
    HTTP = "HTTP"


@dataclass(frozen=True)
class User:
    """Who a container runs as. Files and directories that it writes belong to these ids on the machine, too."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


@dataclass(frozen=True)
class Volume:
    """A named Docker volume: a directory of the data disk, the service's own."""

    name: str
    target: str
    """The mount point inside the container."""


@dataclass(frozen=True)
class FileMount:
    """A rendered file or directory on the machine, mounted read-only."""

    source: str
    """Path relative to the project's directory on the machine, such as `nginx.conf`."""
    target: str
    restart: bool = True
    """Whether a container must start anew to see a change of it. False for what is read on every request."""


@dataclass(frozen=True)
class Password:
    """A password that is generated once and kept in the stack's encrypted state."""

    name: str


@dataclass(frozen=True)
class SecretFile:
    """A secret as the service reads it: a file at `/run/secrets/NAME`, readable by its user only."""

    name: str
    password: Password
    template: str = "{password}"
    """The file's text; `{password}` stands for the password."""


@dataclass(frozen=True)
class Tmpfs:
    """A writable directory in memory, for a root file system that is read-only."""

    target: str
    megabytes: int


@dataclass(frozen=True)
class HealthCheck:
    """A command inside the container that succeeds when the service does its work. Times are in seconds."""

    command: tuple[str, ...]
    interval: int = 5
    timeout: int = 5
    retries: int = 6
    start_period: int = 30

    @property
    def deadline(self) -> int:
        """Seconds after which a container that is not healthy has failed."""
        return self.start_period + self.retries * (self.interval + self.timeout)


@dataclass(frozen=True)
class Preflight:
    """A look at a changed file before the running container is given up for it: `command` runs in that container, with
    the file on its standard input, and must succeed."""

    source: str
    """The file's path, as in `FileMount`."""
    command: tuple[str, ...]


@dataclass(frozen=True)
class Limits:
    memory_mb: int
    cpus: float
    pids: int
    shared_memory_mb: int = 64
    """`/dev/shm`, Docker's own default unless the service needs more."""


@dataclass(frozen=True)
class Service:
    """One container of AUREN, complete: what it is, what it may use, how it proves that it works."""

    name: str
    image: str
    user: User
    port: int
    """The port that it listens on, on `auren-network`."""
    host_number: int
    """Its fixed place on `auren-network`; never given to another service."""
    health: HealthCheck
    limits: Limits
    published: int | None = None
    """The port of the machine that leads to `port`; None keeps it inside."""
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])
    volumes: tuple[Volume, ...] = ()
    files: tuple[FileMount, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    preflight: Preflight | None = None
    stop_signal: str = "SIGTERM"
    stop_grace: int = 30
    """Seconds for a clean end before the container is killed."""

    @property
    def container(self) -> str:
        return f"auren-{self.name}"

    @property
    def address(self) -> IPv4Address:
        return CONTAINER_SUBNET[self.host_number]


@dataclass(frozen=True)
class Link:
    """One line of the communication matrix: who may open a connection to whom."""

    source: str
    target: str
    port: int
    protocol: Protocol
    purpose: str
