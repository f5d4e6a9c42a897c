"""Droplets as containers of this machine's Docker daemon: what the simulated API's `Hypervisor` does in truth."""

import shutil
import threading
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

import docker
from docker.errors import DockerException

from sandbox.droplets import base, firewall, loop, machine, mounts, network, perimeter, volumes
from sandbox.droplets.hypervisor import DropletSpec, FirewallPolicy, HypervisorError, Power, VolumeSpec
from sandbox.droplets.machine import Machine
from sandbox.droplets.mounts import Stop

CONSOLE_LINES = 200
_ENGINE_SECONDS = 120


class DockerHypervisor:
    """Of one process, used by its threads: what belongs to one droplet is the caller's to keep in order."""

    def __init__(self) -> None:
        """Connect to the daemon, and make the public network with its rules and routes."""
        self._rules = threading.Lock()
        try:
            self._client = docker.from_env(timeout=_ENGINE_SECONDS)
        except DockerException as error:
            raise HypervisorError(f"DOCKER_HOST names no Docker daemon: {error}") from error
        try:
            self._client.ping()
            perimeter.ensure(self._client)
        except BaseException as error:
            self._client.close()
            if isinstance(error, (DockerException, OSError)):
                raise HypervisorError(
                    f"The Docker daemon does not do its part (`python -m sandbox start` starts one): {error}"
                ) from error
            raise

    def close(self) -> None:
        self._client.close()

    def ensure_vpc(self, vpc_id: str, ip_range: IPv4Network) -> None:
        network.ensure_vpc(self._client, vpc_id, ip_range)

    def delete_vpc(self, vpc_id: str) -> None:
        network.delete_vpc(self._client, vpc_id)

    def create_droplet(self, spec: DropletSpec) -> None:
        droplet = self._machine(spec.id)
        if droplet.power() is Power.ABSENT:
            droplet.create(spec, base.ensure_base_image(lambda _: None))
        if droplet.power() is Power.OFF:
            self.power_on(spec.id)

    def power(self, droplet_id: int) -> Power:
        return self._machine(droplet_id).power()

    def power_on(self, droplet_id: int) -> None:
        droplet = self._machine(droplet_id)
        if droplet.power() is not Power.ACTIVE:
            droplet.start(self._devices_of(droplet_id))

    def power_off(self, droplet_id: int) -> None:
        droplet = self._machine(droplet_id)
        if droplet.power() is Power.ACTIVE:
            attached = volumes.attached_to(droplet_id)
            # First stop all its disks, within milliseconds, so that unwritten data is lost as in a power cut. After a
            # kill, the kernel would still write it, because the page cache belongs to this machine.
            for number in (droplet.system_disk(), *(volumes.device(volume) for volume in attached)):
                if number is not None:
                    mounts.stop_file_system(number, Stop.LOST)
            droplet.cut_power()
            for volume in attached:
                volumes.take_device(volume, Stop.LOST)

    def shut_down(self, droplet_id: int) -> bool:
        return self._machine(droplet_id).shut_down()

    def reboot(self, droplet_id: int) -> None:
        """A machine that does not answer to it is cut off and switched on again, as the real one's is."""
        if not self._machine(droplet_id).reboot():
            self.power_off(droplet_id)
            self.power_on(droplet_id)

    def resize_droplet(self, spec: DropletSpec) -> None:
        droplet = self._machine(spec.id)
        if droplet.power() is not Power.OFF:
            raise HypervisorError(f"Droplet {spec.id} is not off: it is resized when it is.")
        droplet.resize(spec)

    def destroy_droplet(self, droplet_id: int) -> None:
        self.power_off(droplet_id)
        for volume in volumes.attached_to(droplet_id):
            self.detach_volume(volume.id, droplet_id)
        self._machine(droplet_id).destroy()
        with self._rules:
            perimeter.apply_translation(self._client)

    def create_volume(self, spec: VolumeSpec) -> None:
        volumes.create(spec)

    def resize_volume(self, volume_id: str, size_gb: int) -> None:
        volumes.resize(volume_id, size_gb)

    def delete_volume(self, volume_id: str) -> None:
        volumes.delete(volume_id)

    def attach_volume(self, volume_id: str, droplet_id: int) -> None:
        droplet = self._machine(droplet_id)
        if droplet.power() is Power.ABSENT:
            raise HypervisorError(f"There is no droplet {droplet_id}.")
        volume = volumes.attach(volume_id, droplet_id)
        if droplet.power() is Power.ACTIVE:
            number = volumes.give_device(volume)
            droplet.plug(volume.name, number, self._devices_of(droplet_id))

    def detach_volume(self, volume_id: str, droplet_id: int) -> None:
        volume = volumes.get(volume_id)
        if volume.droplet != droplet_id:
            return
        others = {other.name: other.device for other in volumes.attached_to(droplet_id) if other.id != volume_id}
        volumes.take_device(volume, Stop.FLUSHED)
        droplet = self._machine(droplet_id)
        if volume.device is not None and droplet.power() is not Power.ABSENT:
            droplet.unplug(volume.name, volume.device, {name: number for name, number in others.items() if number})
        volumes.detach(volume_id)

    def assign_reserved_ip(self, address: IPv4Address, droplet_id: int | None) -> None:
        if droplet_id is not None and self.power(droplet_id) is Power.ABSENT:
            raise HypervisorError(f"There is no droplet {droplet_id} for {address}.")
        with self._rules:
            perimeter.assign(self._client, address, droplet_id)

    def apply_firewalls(self, policies: Mapping[int, FirewallPolicy]) -> None:
        with self._rules:
            perimeter.apply_policies(self._client, policies)

    def droplet_logs(self, droplet_id: int) -> Sequence[str]:
        return self._machine(droplet_id).log_lines(CONSOLE_LINES)

    def _machine(self, droplet_id: int) -> Machine:
        return Machine(self._client, droplet_id)

    def _devices_of(self, droplet_id: int) -> dict[str, int]:
        """Name of each attached volume -> its loop device. Missing devices are created."""
        return {volume.name: volumes.give_device(volume) for volume in volumes.attached_to(droplet_id)}


def ensure_network() -> None:
    """The public network, its firewall and its routes, before any droplet: the registry listens at its gateway."""
    DockerHypervisor().close()


def remove_all(*, images: bool = False) -> None:
    """Remove every droplet, volume, network, rule, route and file of ours; `images`: the droplets' images as well.

    Nothing is found by a pattern of names: containers and networks carry our label, loop devices are known by their
    files, chains by their exact names. Safe to repeat after a failure in the middle.
    """
    client = docker.from_env(timeout=_ENGINE_SECONDS)
    try:
        for droplet_id in machine.all_addresses(client):
            Machine(client, droplet_id).remove_container()
        for directory in (machine.directory(), volumes.directory()):
            for number in loop.devices_below(directory):
                mounts.stop_file_system(number, Stop.LOST)
                mounts.unmount(number)
                loop.sever(number)
        network.remove_all(client)
    finally:
        client.close()
    firewall.remove_all()
    for directory in (machine.directory(), volumes.directory()):
        if directory.exists():
            shutil.rmtree(directory)
    loop.forget_numbers()
    if images:
        base.remove_images()
