"""The interface between the simulated DigitalOcean API and the machines.

`sandbox.clouds` speaks HTTP and keeps the state; it knows machines only through `Hypervisor`. Every method is
idempotent: after a restart the API replays its whole state through them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol


class HypervisorError(RuntimeError):
    """The operation is not possible; the text says why and what to do."""


class Power(StrEnum):
    ABSENT = "absent"
    OFF = "off"
    ACTIVE = "active"


@dataclass(frozen=True)
class DropletSpec:
    """One droplet: a machine that boots with systemd, sshd and cloud-init."""

    id: int
    name: str
    image: str
    """The image's slug, such as `ubuntu-22-04-x64`."""
    memory_mb: int
    vcpus: int
    disk_gb: int
    public_ipv4: IPv4Address
    private_ipv4: IPv4Address
    vpc_id: str
    ssh_keys: tuple[str, ...] = ()
    """Public keys in authorized_keys format, for root."""
    user_data: str = ""


@dataclass(frozen=True)
class VolumeSpec:
    """One block volume, seen by its droplet as `/dev/disk/by-id/scsi-0DO_Volume_NAME`."""

    id: str
    name: str
    size_gb: int
    filesystem_type: str = ""
    """`ext4`, `xfs`, or empty for a blank device. It is created with the volume."""
    filesystem_label: str = ""


@dataclass(frozen=True)
class FirewallRule:
    """Traffic that is let through: everything else is dropped."""

    protocol: str
    """`tcp`, `udp` or `icmp`."""
    ports: tuple[int, int] | None
    """First and last port; None for icmp and for all ports."""
    addresses: tuple[str, ...]
    """IPv4 addresses and networks: sources of an inbound rule, destinations of an outbound one."""


@dataclass(frozen=True)
class FirewallPolicy:
    """The rules of all firewalls of one droplet together. A droplet without a policy is open."""

    inbound: tuple[FirewallRule, ...] = ()
    outbound: tuple[FirewallRule, ...] = ()


class Hypervisor(Protocol):
    def ensure_vpc(self, vpc_id: str, ip_range: IPv4Network) -> None: ...
    def delete_vpc(self, vpc_id: str) -> None: ...

    def create_droplet(self, spec: DropletSpec) -> None:
        """Boot the machine; return once it has started (its sshd may take some seconds more). A droplet
        that exists already is started if it is off."""
        ...

    def power(self, droplet_id: int) -> Power: ...
    def power_on(self, droplet_id: int) -> None: ...
    def power_off(self, droplet_id: int) -> None:
        """Cut the power: nothing is shut down."""
        ...

    def shut_down(self, droplet_id: int) -> bool:
        """Ask the machine to shut down; False when it has not done so in a minute."""
        ...

    def reboot(self, droplet_id: int) -> None: ...
    def resize_droplet(self, spec: DropletSpec) -> None:
        """Give a droplet that is off the memory, processors and disk of `spec`."""
        ...

    def destroy_droplet(self, droplet_id: int) -> None: ...

    def create_volume(self, spec: VolumeSpec) -> None: ...
    def resize_volume(self, volume_id: str, size_gb: int) -> None: ...
    def delete_volume(self, volume_id: str) -> None: ...
    def attach_volume(self, volume_id: str, droplet_id: int) -> None: ...
    def detach_volume(self, volume_id: str, droplet_id: int) -> None: ...

    def assign_reserved_ip(self, address: IPv4Address, droplet_id: int | None) -> None:
        """Route traffic for `address` to the droplet. None: drop it."""
        ...

    def apply_firewalls(self, policies: Mapping[int, FirewallPolicy]) -> None:
        """Enforce exactly these policies, by droplet id, in one step."""
        ...

    def droplet_logs(self, droplet_id: int) -> Sequence[str]:
        """The last lines of the machine's console, for debugging."""
        ...
