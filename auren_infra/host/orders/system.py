"""Orders about what the containers stand on: the first boot, the data disk, Docker, firewalls, logs and updates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from auren_infra import bundle
from auren_infra.host.orders.order import Order, no_data, seen


@dataclass(frozen=True)
class WaitReady(Order):
    """The first boot is over."""

    id: ClassVar[str] = "wait_ready"

    seconds: int

    def arguments(self) -> Sequence[str]:
        return (str(self.seconds),)

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "WaitReady":
        no_data(data)
        (seconds,) = arguments
        return WaitReady(int(seconds))


@dataclass(frozen=True)
class DataDisk(Order):
    """The data volume mounted, with its directories, and Docker held back until it is."""

    id: ClassVar[str] = "data_disk"

    device: str
    mount_point: str
    size_gb: int
    directories: str
    """As `auren_infra.files.render.data_directories` writes them."""
    waiting: str
    """What makes Docker wait for the mount point: the text of systemd's file."""

    def arguments(self) -> Sequence[str]:
        return self.device, self.mount_point, str(self.size_gb)

    def data(self) -> str:
        return bundle.pack({"directories": self.directories, "10-data-disk.conf": self.waiting})

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "DataDisk":
        device, mount_point, size_gb = arguments
        directories, waiting = _texts(data, "directories", "10-data-disk.conf")
        return DataDisk(device, mount_point, int(size_gb), directories, waiting)


@dataclass(frozen=True)
class DockerEngine(Order):
    """Docker from these packages, with its configuration."""

    id: ClassVar[str] = "docker_engine"

    source: str
    packages: tuple[str, ...]
    """PACKAGE=VERSION, the engine's first."""
    daemon: str

    def arguments(self) -> Sequence[str]:
        return self.source, *self.packages

    def data(self) -> str:
        return self.daemon

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "DockerEngine":
        source, *packages = arguments
        return DockerEngine(source, tuple(packages), seen(data))


@dataclass(frozen=True)
class DockerNetwork(Order):
    """AUREN's network."""

    id: ClassVar[str] = "docker_network"

    name: str
    subnet: str
    bridge: str

    def arguments(self) -> Sequence[str]:
        return self.name, self.subnet, self.bridge

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "DockerNetwork":
        no_data(data)
        name, subnet, bridge = arguments
        return DockerNetwork(name, subnet, bridge)


@dataclass(frozen=True)
class ContainerFirewall(Order):
    """The rules between containers, now and at each boot before Docker."""

    id: ClassVar[str] = "container_firewall"

    rules: str
    unit: str

    def data(self) -> str:
        return bundle.pack({"containers.rules": self.rules, "auren-firewall.service": self.unit})

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "ContainerFirewall":
        () = arguments
        return ContainerFirewall(*_texts(data, "containers.rules", "auren-firewall.service"))


@dataclass(frozen=True)
class MachineFirewall(Order):
    """UFW, with these rules."""

    id: ClassVar[str] = "machine_firewall"

    rules: str
    """One a line."""

    def data(self) -> str:
        return self.rules

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "MachineFirewall":
        () = arguments
        return MachineFirewall(seen(data))


@dataclass(frozen=True)
class LogRotation(Order):
    """The rotation of nginx's logs, by a user who has the ids that nginx has in its container."""

    id: ClassVar[str] = "log_rotation"

    user: str
    uid: int
    gid: int
    rule: str
    hourly: str
    """What makes systemd start logrotate every hour."""

    def arguments(self) -> Sequence[str]:
        return self.user, str(self.uid), str(self.gid)

    def data(self) -> str:
        return bundle.pack({"auren-nginx": self.rule, "auren.conf": self.hourly})

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "LogRotation":
        user, uid, gid = arguments
        return LogRotation(user, int(uid), int(gid), *_texts(data, "auren-nginx", "auren.conf"))


@dataclass(frozen=True)
class SystemUpdates(Order):
    """Security updates of the system, by this configuration of apt."""

    id: ClassVar[str] = "system_updates"

    configuration: str

    def data(self) -> str:
        return self.configuration

    @classmethod
    def parse(cls, arguments: Sequence[str], data: str | None) -> "SystemUpdates":
        () = arguments
        return SystemUpdates(seen(data))


def _texts(data: str | None, *names: str) -> list[str]:
    """The texts of these files, which are all that the data holds."""
    files = bundle.unpack(seen(data))
    if list(files) != list(names):
        raise ValueError(f"the data holds {', '.join(files)}, and not {', '.join(names)}")
    return list(files.values())
