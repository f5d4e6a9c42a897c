"""What is on the machine: the answers of `look.sh`, each read into a typed value."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from auren_infra import drills
from auren_infra.drift.rules import Chains
from auren_infra.drills import Drill


class LookError(RuntimeError):
    """The machine could not be looked at; the text says why, and what to do."""


@dataclass(frozen=True)
class Answer:
    """What a command on the machine ended with, and what it printed."""

    status: int
    text: str


NO_FILE = "-"
"""Instead of a digest."""


@dataclass(frozen=True)
class Inode:
    """A file, a directory or a link."""

    mode: int
    owner: tuple[str, str]
    """By number, `0:0`, and by name, `root:root`."""
    digest: str
    """SHA-256, or `NO_FILE`."""

    def differences(self, mode: int | None, owner: str | None) -> Iterator[str]:
        """What is other than these, each as the rest of a sentence. None may be anything."""
        if mode is not None and self.mode != mode:
            yield f"has the mode {self.mode:04o}, not {mode:04o}"
        if owner is not None and owner not in self.owner:
            yield f"belongs to {self.owner[0]}, not {owner}"


class _FromDocker(BaseModel):
    model_config = ConfigDict(alias_generator=to_pascal, frozen=True)


class Health(_FromDocker):
    status: str


class State(_FromDocker):
    status: str
    health: Health | None = None
    """None without a health check."""


class RestartPolicy(_FromDocker):
    name: str


class Endpoint(_FromDocker):
    address: str = Field(alias="IPAddress")


class HostConfig(_FromDocker):
    """What can be changed while a container runs (`docker update`)."""

    memory: int
    memory_swap: int
    nano_cpus: int
    pids_limit: int | None
    restart_policy: RestartPolicy


class Container(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    image: str
    """As it was asked for when the container was made."""
    labels: dict[str, str] | None
    state: State
    host: HostConfig
    networks: dict[str, Endpoint]


class Pool(_FromDocker):
    subnet: str


class Pools(_FromDocker):
    config: list[Pool] | None


class Network(_FromDocker):
    name: str
    driver: str
    ipv6: bool = Field(alias="EnableIPv6")
    pools: Pools = Field(alias="IPAM")
    options: dict[str, str] | None


@dataclass(frozen=True)
class Accepted:
    """What the machine starts by itself, of a service."""

    release: str = ""
    """The id of the one that was accepted last."""
    instance: str = ""
    """The one that is asked."""
    rolled_back: bool = False
    """Whether the release is there since a rollback."""


@dataclass(frozen=True)
class Space:
    """Of a file system."""

    size: int
    """Bytes, as all but the inodes."""
    free: int
    inodes: int
    """0 where they are not counted."""
    free_inodes: int


@dataclass(frozen=True)
class Facts:
    answers: Mapping[str, Answer]

    @property
    def files(self) -> dict[str, Inode]:
        return {
            path: Inode(int(mode, 8), (ids, names), digest)
            for mode, ids, names, digest, path in (line.split(" ", 4) for line in self.lines("files"))
        }

    @property
    def containers(self) -> dict[str, Container] | None:
        """By name; None when Docker does not answer."""
        if self.answers["containers"].status:
            return None
        found = [Container.model_validate_json(line) for line in self.lines("containers")]
        return {container.name.removeprefix("/"): container for container in found}

    @cached_property
    def accepted(self) -> dict[str, Accepted]:
        """By service."""
        found = (line.split() for line in self.lines("accepted"))
        return {service: Accepted(release, live, back == "yes") for service, release, live, back in found}

    @cached_property
    def reloading(self) -> dict[str, str]:
        """The release that a container runs which reloads, by service. It is empty when its next start finds none."""
        return {service: release for service, _, release in (x.partition(" ") for x in self.lines("reloading"))}

    @property
    def networks(self) -> dict[str, Network]:
        found = [Network.model_validate_json(line) for line in self.lines("networks")]
        return {network.name: network for network in found}

    @property
    def docker_versions(self) -> dict[str, str]:
        """Of the engine, the client, containerd and Compose, as they run; empty when Docker does not answer."""
        if self.answers["docker-versions"].status:
            return {}
        found = dict(line.split() for line in self.lines("docker-versions") if len(line.split()) == 2)
        return {program: version.removeprefix("v") for program, version in found.items()}

    @property
    def docker_packages(self) -> dict[str, bool]:
        """Each installed package of Docker, and whether it is held."""
        found = (line.split() for line in self.lines("docker-packages"))
        return {words[0]: words[1] == "hold" for words in found if words[2:] == ["installed"]}

    @property
    def filter(self) -> Chains:
        """The kernel's rules for IPv4."""
        return Chains(self.lines("rules"))

    @property
    def filter6(self) -> Chains:
        """The kernel's rules for IPv6."""
        return Chains(self.lines("rules6"))

    @property
    def bridge_filtering(self) -> bool:
        """Whether what passes between containers is asked about at all."""
        return self.lines("bridge-filtering") == ["1", "1"]

    @property
    def ufw_active(self) -> bool:
        return "Status: active" in self.lines("ufw-status")

    @property
    def ufw_denies_by_default(self) -> bool:
        defaults = next((line for line in self.lines("ufw-status") if line.startswith("Default: ")), "")
        return "deny (incoming)" in defaults and "allow (routed)" not in defaults

    @property
    def ufw_rules(self) -> list[str]:
        """As `ufw show added` prints them, without the program's name."""
        return [line.removeprefix("ufw ") for line in self.lines("ufw-added") if line.startswith("ufw ")]

    def manifest(self, directory: str) -> str:
        """Of the release that is read in the directory; empty when it has none."""
        lines = (line.split("\t", 1) for line in self.lines("manifests"))
        return "".join(f"{line}\n" for of, line in lines if of == directory)

    @property
    def units(self) -> dict[str, dict[str, str]]:
        """systemd's properties of each unit."""
        blocks = self._text("units").strip().split("\n\n")
        found = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
        return {properties["Id"]: properties for properties in found if "Id" in properties}

    @property
    def alarms(self) -> set[str]:
        """The services whose containers the watchdog could not help."""
        units = (line.split()[0] for line in self.lines("alarms"))
        return {unit.partition("@")[2].removesuffix(".service") for unit in units}

    @property
    def clock(self) -> datetime:
        """The machine's."""
        return datetime.fromisoformat(self._text("clock").strip())

    @property
    def drills(self) -> tuple[Drill, ...]:
        """The newest drill of the backups and the last good one, as far as there are any."""
        return drills.read(self._text("drills"))

    @property
    def backups_since(self) -> datetime | None:
        """When the directory of the records was made, with the first backup. None when that is not known."""
        seconds = int(self._text("backups-since") or 0)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None

    @property
    def fstab(self) -> list[str]:
        return self.lines("fstab")

    @property
    def disks(self) -> dict[str, tuple[str, str]]:
        """By mount point: the device that belongs there, and the one that is mounted, or nothing."""
        return {target: (device, source) for target, device, source in (x.split("\t") for x in self.lines("disks"))}

    @property
    def space(self) -> dict[str, Space]:
        """By mount point."""
        found = (line.rsplit(maxsplit=4) for line in self.lines("space"))
        return {target: Space(*(int(number) if number.isdigit() else 0 for number in rest)) for target, *rest in found}

    def _text(self, name: str) -> str:
        return self.answers[name].text

    def lines(self, name: str) -> list[str]:
        return self._text(name).splitlines()


def read(text: str) -> Facts:
    """The answers in what `look.sh` printed. Raises `LookError` when it was cut."""
    answers: dict[str, Answer] = {}
    for line in text.splitlines():
        name, status, answer = line.split(" ")
        answers[name] = Answer(int(status), b64decode(answer).decode(errors="replace"))
    if "end" not in answers:
        raise LookError("The machine's answer is not whole. Try again.")
    return Facts(answers)
