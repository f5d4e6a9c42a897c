"""The words that services are described in: frozen values, nothing of Pulumi, Docker or a machine."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

NETWORK_NAME = "auren-network"
BRIDGE = "auren0"
"""The network's interface on the machine, which the firewall's rules name."""
NO_PUBLIC_IMAGE = ""
"""The pin of a service that has none: every stack names its image in `auren:images`."""


class Protocol(StrEnum):
    TCP = "TCP"
    HTTP = "HTTP"


class Update(StrEnum):
    """What happens to the running container of a service when another release of it is deployed."""

    STOP_FIRST = "stop first"
    """It ends before the new one starts. For what keeps data, or listens on a port of the machine."""
    START_FIRST = "start first"
    """The new one starts beside it, and takes over when it is healthy."""
    RELOAD = "reload"
    """It reads the new files while it runs. For any other change it ends before the new one starts. For nginx."""


@dataclass(frozen=True)
class User:
    """Who a container runs as. Files and directories that it writes belong to these ids on the machine, too."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


class Copy(StrEnum):
    """How a volume is copied to the bucket of the backups while its service writes to it."""

    FILES = "files"
    """Its files as they are. For a service that starts from what a power cut has left."""
    REDIS = "redis"
    """What Redis saves when it is asked."""
    SQLITE = "sqlite"
    """Its databases by SQLite itself, and its other files as they are."""


@dataclass(frozen=True)
class Volume:
    """A named Docker volume: a directory of the data disk, the service's own."""

    name: str
    target: str
    """The mount point inside the container."""
    synchronous: str = ""
    """Why every write must be on the disk before it returns (ext4's attribute S); empty for a service that flushes what
    it has acknowledged by itself."""
    copy: Copy | None = None
    """None when it is backed up otherwise, or not worth it."""


FILES = "/etc/auren"
"""Where a service finds its configuration files: one directory, mounted read-only."""

LIVE_FILES = f"{FILES}/live/files"
"""Where a service with `Update.RELOAD` finds them: `FILES` is the directory of all its releases, with links to them."""

AUTHORITIES = "/etc/ssl/certs"
"""Where the machine has the certificate authorities that it trusts, and a container that it shares them with."""

SLOTS = "/etc/auren-slots"
"""Where a service finds which instance of another one it is to ask, when that one has two."""

IMAGE_FILES = "/website"
"""Where an image has the files of a directory. Nothing else of the image is used, and no base image has this
directory: one that was built without its files is refused, and not the web server's own page served."""


@dataclass(frozen=True)
class DirectoryMount:
    """A directory of the project, copied to the machine and mounted read-only. A changed file restarts nothing."""

    source: str
    """Path relative to the project's directory on the machine, such as `website`."""
    target: str
    origin: str
    """Where it is on the machine that runs Pulumi, relative to the project."""
    released: bool = False
    """Whether `current` in it is the directory, replaced in one step, and `previous` the one before it."""
    image: str = ""
    """The image that its files come from, instead of `origin`; only of one that is released. They are in the image's
    directory `IMAGE_FILES`."""


@dataclass(frozen=True)
class Generated:
    """A password that is generated once a stack and kept in its encrypted state."""

    name: str


@dataclass(frozen=True)
class Given:
    """A secret that somebody gives: `auren:secrets.NAME` in the stack's configuration."""

    name: str


@dataclass(frozen=True)
class Issued:
    """A secret that a cloud issues to the stack, such as a key of its bucket."""

    name: str


Secret = Generated | Given | Issued


@dataclass(frozen=True)
class SecretFile:
    """A secret as the service reads it: a file at `/run/secrets/NAME`, readable by its user only."""

    name: str
    secret: Secret
    template: str = "{secret}"
    """The file's text; `{secret}` stands for the secret's value."""


@dataclass(frozen=True)
class Preflight:
    """A command that must accept a release before the running container is given up for it.

    It runs in a container of its own: the new image with the new files and secrets, with empty volumes and without a
    network.
    """

    command: tuple[str, ...]


@dataclass(frozen=True)
class Topic:
    """A Kafka topic. What is older, or more, than it keeps is deleted."""

    name: str
    partitions: int
    retention_hours: int
    retention_mb: int
    """For each partition."""


@dataclass(frozen=True)
class Topics:
    """The topics are made in the service, which is Kafka, once it is healthy and before whoever talks to it starts."""

    topics: tuple[Topic, ...]


@dataclass(frozen=True)
class Statement:
    """A change to an SQLite database that the service makes for itself.

    It is made once the service is healthy and before whoever talks to it starts.
    """

    volume: Volume
    database: str
    """The file's path below the volume."""
    sql: str


@dataclass(frozen=True)
class Migration:
    """A command that prepares the data for a release, such as `alembic upgrade head`.

    It runs once for each release, before the release's container starts: in a container of the new image, with the
    environment, the secrets and the address that the service will have. The old container serves meanwhile, so the
    data must fit both.
    """

    command: str
    """For `sh -c`; one line."""
    seconds: int
    """After which it has failed."""


@dataclass(frozen=True)
class Restore:
    """A command that fills an empty volume of the service from its backups, or looks whether it can be.

    It runs in a container of its own: the image, files and secrets of a release, an address from which it reaches
    nothing but the backups, and a directory of the machine in the place of the service's volume.
    """

    command: tuple[str, ...]
    memory_mb: int


Task = Preflight | Topics | Statement | Migration | Restore
"""Something that is done at one point of a service's deployment. Done a second time, it changes nothing."""
_SECOND = 100
"""So far behind the first container's place is the second one's."""
_Task = TypeVar("_Task", Preflight, Topics, Statement, Migration, Restore)


@dataclass(frozen=True)
class Tmpfs:
    """A writable directory in memory, for a root file system that is read-only."""

    target: str
    megabytes: int
    executable: str = ""
    """Why programs may be run from it; empty, as it should be, when they may not."""


@dataclass(frozen=True)
class HealthCheck:
    """A command inside the container that succeeds when the service does its work. Times are in seconds."""

    command: tuple[str, ...]
    interval: int = 10
    timeout: int = 5
    retries: int = 3
    start_period: int = 30

    @property
    def deadline(self) -> int:
        """Seconds after which a container that is not healthy has failed."""
        return self.start_period + self.retries * (self.interval + self.timeout)


@dataclass(frozen=True)
class Limits:
    memory_mb: int
    cpus: float
    pids: int
    shared_memory_mb: int = 64
    """`/dev/shm`, Docker's own default unless the service needs more."""
    open_files: int = 4096


@dataclass(frozen=True)
class Service:
    """What runs, complete: what it is, what it may use, how it proves that it works.

    Where it runs is in `auren_infra.placement`.
    """

    name: str
    image: str
    """In the catalogue, the pin, or `NO_PUBLIC_IMAGE`. In a blueprint, what runs."""
    user: User
    port: int
    """The port that it listens on, on `auren-network`."""
    host_number: int
    """Its fixed place on `auren-network`, which its address follows from; never given to another service."""
    health: HealthCheck
    limits: Limits
    published: tuple[int, ...] = ()
    """Ports of the machine that lead to the same ports of the container; all else stays inside."""
    internet: bool = False
    """Whether it may open connections to the outside."""
    https: tuple[int, ...] = ()
    """The ports to which it may open those by https. With one, it may ask name servers, and has the machine's
    `AUTHORITIES`."""
    entrypoint: tuple[str, ...] = ()
    """Instead of the image's own."""
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])
    volumes: tuple[Volume, ...] = ()
    files: tuple[str, ...] = ()
    """Names in `FILES`, each rendered from `files/templates/NAME.j2`."""
    directories: tuple[DirectoryMount, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    tasks: tuple[Task, ...] = ()
    """Each kind at most once."""
    update: Update = Update.STOP_FIRST
    lends_memory: bool = False
    """Whether it may be stopped while another service has two containers, where the droplet has no memory for both."""
    stop_signal: str = "SIGTERM"
    stop_grace: int = 30
    """Seconds for a clean end before the container is killed."""

    @property
    def host_numbers(self) -> tuple[int, ...]:
        """Its place on `auren-network`, and behind it that of its second container, when it can have two."""
        second = (self.host_number + _SECOND,) if self.update is Update.START_FIRST else ()
        return (self.host_number, *second)

    @property
    def restore_number(self) -> int | None:
        """The place on `auren-network` of the container that restores its data."""
        return self.host_number + _SECOND if self.task(Restore) else None

    def task(self, kind: type[_Task]) -> _Task | None:
        """Its task of this kind."""
        return next((task for task in self.tasks if isinstance(task, kind)), None)


@dataclass(frozen=True)
class Job:
    """Something that a machine does on a schedule."""

    name: str
    """Of its unit of systemd, behind `auren-`."""
    purpose: str
    """One line, for people."""
    command: str
    calendar: str
    """When, as systemd writes it, in UTC."""
    catches_up: bool = True
    """Whether it is done later when the machine was off at the time."""


@dataclass(frozen=True)
class Link:
    """One line of the communication matrix: who may open a connection to whom."""

    source: str
    target: str
    port: int
    protocol: Protocol
    purpose: str
