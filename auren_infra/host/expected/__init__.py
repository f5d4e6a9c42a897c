"""What is to be on a machine, derived from the orders that it was given. Drift compares the machine with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auren_infra.host.expected.directories import Directory, directories, stores
from auren_infra.host.expected.files import Placed, Tree, TreeOfImage, placed, trees, trees_of_images
from auren_infra.host.expected.releases import Deployed, deployed
from auren_infra.host.orders import (
    ContainerFirewall,
    DataDisk,
    DockerEngine,
    DockerNetwork,
    Jobs,
    LogRotation,
    MachineFirewall,
    Order,
    Start,
    Supervision,
    SystemUpdates,
)
from auren_infra.host.sent import Command, of

__all__ = ["Deployed", "Directory", "Expected", "Placed", "Tree", "TreeOfImage", "expected"]


@dataclass(frozen=True)
class Expected:
    """The parts that drift compares. Each names the command that puts it right."""

    containers: Sequence[Deployed]
    files: Sequence[Placed]
    """All but those of the trees; the directories of the stores among them."""
    trees: Mapping[str, Tree]
    """By path."""
    trees_of_images: Sequence[TreeOfImage]
    directories: Sequence[Directory]
    stores: Sequence[str]
    """The directories of the stores. Their images may give them another mode, but never one that lets everybody in."""
    units: Mapping[str, str]
    """Unit of systemd -> the command that enables and starts it."""
    disks: Sequence[Command[DataDisk]]
    engines: Sequence[Command[DockerEngine]]
    networks: Sequence[Command[DockerNetwork]]
    on_networks: Sequence[str]
    """The commands that start what is on the networks."""
    container_firewalls: Sequence[Command[ContainerFirewall]]
    machine_firewalls: Sequence[Command[MachineFirewall]]


def expected(commands: Sequence[Command]) -> Expected:
    """What the commands leave on the machine. Raises `ValueError` for a release that cannot be read."""
    return Expected(
        containers=deployed(commands),
        files=placed(commands),
        trees=trees(commands),
        trees_of_images=trees_of_images(commands),
        directories=directories(commands),
        stores=stores(commands),
        units=_units(commands),
        disks=of(commands, DataDisk),
        engines=of(commands, DockerEngine),
        networks=of(commands, DockerNetwork),
        on_networks=[one.urn for one in commands if isinstance(one.order, Start | Supervision)],
        container_firewalls=of(commands, ContainerFirewall),
        machine_firewalls=of(commands, MachineFirewall),
    )


_UNITS: dict[type[Order], tuple[str, ...]] = {
    DockerEngine: ("docker.service",),
    ContainerFirewall: ("auren-firewall.service",),
    Supervision: ("auren.service", "auren-watchdog.service"),
    LogRotation: ("logrotate.timer",),
    SystemUpdates: ("apt-daily.timer", "apt-daily-upgrade.timer"),
}
"""What the script of each order enables and starts."""


def _units(commands: Sequence[Command]) -> dict[str, str]:
    """Unit -> the command that enables and starts it."""
    found = {
        unit: command.urn for kind, started in _UNITS.items() for command in of(commands, kind) for unit in started
    }
    timers = {
        unit: command.urn for command in of(commands, Jobs) for unit in command.order.units if unit.endswith(".timer")
    }
    return found | timers
