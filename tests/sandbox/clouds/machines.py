"""Machines that are only remembered, in place of real ones."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network

from sandbox.droplets.hypervisor import DropletSpec, FirewallPolicy, HypervisorError, Power, VolumeSpec


@dataclass
class FakeHypervisor:
    """Machines in memory. `broken` names methods that fail; `hold` keeps long work waiting until it is set."""

    vpcs: dict[str, IPv4Network] = field(default_factory=dict)
    droplets: dict[int, DropletSpec] = field(default_factory=dict)
    powers: dict[int, Power] = field(default_factory=dict)
    volumes: dict[str, VolumeSpec] = field(default_factory=dict)
    attached: dict[str, int] = field(default_factory=dict)
    reserved: dict[IPv4Address, int | None] = field(default_factory=dict)
    policies: dict[int, FirewallPolicy] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    hold: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hold.set()

    def _begin(self, method: str) -> None:
        assert self.hold.wait(10), "nobody let the machines go on"
        if method in self.broken:
            raise HypervisorError(f"{method} is broken")

    def ensure_vpc(self, vpc_id: str, ip_range: IPv4Network) -> None:
        self._begin("ensure_vpc")
        self.vpcs[vpc_id] = ip_range

    def delete_vpc(self, vpc_id: str) -> None:
        self.vpcs.pop(vpc_id, None)

    def create_droplet(self, spec: DropletSpec) -> None:
        self._begin("create_droplet")
        assert spec.vpc_id in self.vpcs
        self.droplets.setdefault(spec.id, spec)
        self.powers[spec.id] = Power.ACTIVE

    def power(self, droplet_id: int) -> Power:
        return self.powers.get(droplet_id, Power.ABSENT)

    def power_on(self, droplet_id: int) -> None:
        self._begin("power_on")
        self.powers[droplet_id] = Power.ACTIVE

    def power_off(self, droplet_id: int) -> None:
        self._begin("power_off")
        self.powers[droplet_id] = Power.OFF

    def shut_down(self, droplet_id: int) -> bool:
        self._begin("shut_down")
        if "shut_down_in_time" in self.broken:
            return False
        self.powers[droplet_id] = Power.OFF
        return True

    def reboot(self, droplet_id: int) -> None:
        self._begin("reboot")

    def resize_droplet(self, spec: DropletSpec) -> None:
        self._begin("resize_droplet")
        self.droplets[spec.id] = spec

    def destroy_droplet(self, droplet_id: int) -> None:
        self._begin("destroy_droplet")
        self.droplets.pop(droplet_id, None)
        self.powers.pop(droplet_id, None)

    def create_volume(self, spec: VolumeSpec) -> None:
        self._begin("create_volume")
        self.volumes.setdefault(spec.id, spec)

    def resize_volume(self, volume_id: str, size_gb: int) -> None:
        self._begin("resize_volume")
        self.volumes[volume_id] = replace(self.volumes[volume_id], size_gb=size_gb)

    def delete_volume(self, volume_id: str) -> None:
        self._begin("delete_volume")
        del self.volumes[volume_id]

    def attach_volume(self, volume_id: str, droplet_id: int) -> None:
        self._begin("attach_volume")
        assert self.attached.get(volume_id, droplet_id) == droplet_id
        self.attached[volume_id] = droplet_id

    def detach_volume(self, volume_id: str, droplet_id: int) -> None:
        self._begin("detach_volume")
        self.attached.pop(volume_id, None)

    def assign_reserved_ip(self, address: IPv4Address, droplet_id: int | None) -> None:
        self._begin("assign_reserved_ip")
        self.reserved[address] = droplet_id

    def apply_firewalls(self, policies: Mapping[int, FirewallPolicy]) -> None:
        self._begin("apply_firewalls")
        self.policies = dict(policies)

    def droplet_logs(self, droplet_id: int) -> Sequence[str]:
        return []
