"""One droplet's machine: a container with systemd as PID 1, its own engine data disk and its own network cards.

The Docker engine knows its status and its addresses. The files that it needs at boot are in its directory. A `reboot`
inside ends PID 1 with a signal, so the container restarts. A `poweroff` inside ends it with status 0, so it stays off.
It also stays off after its power was cut here.
"""

import contextlib
import os
import re
import shutil
import signal
import stat
import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

from sandbox import layout
from sandbox.droplets import loop, network, seed
from sandbox.droplets.firewall import Addresses
from sandbox.droplets.hypervisor import DropletSpec, HypervisorError, Power
from sandbox.droplets.system_disk import SystemDisk

LABEL = f"{layout.NAME}.droplet"
MIB = 1 << 20
SHUTDOWN_SECONDS = 60
_CAP_SYS_RESOURCE = 24
_POWER_OFF = signal.SIGRTMIN + 4
_REBOOT = signal.SIGRTMIN + 5
_HALT = "SIGRTMIN+3"
"""systemd(1): the signals with which PID 1 powers off, reboots and halts."""


def directory() -> Path:
    return layout.STATE / "droplets"


def all_addresses(client: docker.DockerClient) -> dict[int, Addresses]:
    """Every droplet that there is, on or off."""
    containers = client.api.containers(all=True, filters={"label": LABEL})
    return {int(each["Labels"][LABEL]): _addresses(each["Labels"]) for each in containers}


class Machine:
    def __init__(self, client: docker.DockerClient, droplet_id: int) -> None:
        self._client = client
        self.id = droplet_id
        self.name = f"{layout.NAME}-droplet-{droplet_id}"
        self._directory = directory() / str(droplet_id)
        self._firmware = self._directory / "firmware"
        self._disk = SystemDisk(self._directory / "disk.img", self._firmware / "system-disk")

    def power(self) -> Power:
        state = self._state()
        if state is None:
            return Power.ABSENT
        return Power.ACTIVE if state["Running"] or state["Restarting"] else Power.OFF

    def create(self, spec: DropletSpec, image: str) -> None:
        """Create the machine, switched off. Parts of an interrupted attempt are replaced."""
        seed.write_seed(self._directory / "seed", spec)
        self._disk.make(spec.disk_gb)
        if self._state() is None:
            api = self._client.api
            try:
                api.create_container_from_config(self._config(spec, image), name=self.name)
            except APIError as error:
                raise HypervisorError(f"Droplet {spec.name} cannot be made: {error.explanation}") from error
        vpc = self._client.networks.get(network.vpc_network(spec.vpc_id))
        if vpc.name not in self._container().attrs["NetworkSettings"]["Networks"]:
            vpc.connect(self._container(), ipv4_address=str(spec.private_ipv4))

    def start(self, volumes: dict[str, int]) -> None:
        """Switch it on with these volumes: name -> number of the loop device."""
        seed.write_firmware(self._firmware, system_disk=self._disk.give_device())
        seed.write_volumes(self._firmware, volumes)
        try:
            self._container().start()
        except APIError as error:
            raise HypervisorError(f"Droplet {self.id} does not start: {error.explanation}") from error

    def system_disk(self) -> int | None:
        """The number of its system disk's loop device, when it has one now."""
        return self._disk.device()

    def cut_power(self) -> None:
        with contextlib.suppress(APIError):  # it went off by itself meanwhile
            self._container().kill()
        self._wait_for(lambda state: not state["Running"], 20)
        # Use another device next time, because the page cache of this one holds unwritten data of the machine.
        self._disk.take_device()

    def shut_down(self) -> bool:
        """Ask it to power off; False when it did not within a minute."""
        return self._ask(_POWER_OFF, lambda state: not state["Running"] and not state["Restarting"])

    def reboot(self) -> bool:
        """Ask it to reboot; False when it did not restart within a minute."""
        started = (self._state() or {}).get("StartedAt")
        return self._ask(_REBOOT, lambda state: state["Running"] and state["StartedAt"] != started)

    def resize(self, spec: DropletSpec) -> None:
        self._container().update(
            mem_limit=spec.memory_mb * MIB,
            memswap_limit=spec.memory_mb * MIB,
            cpu_period=100_000,
            cpu_quota=spec.vcpus * 100_000,
        )
        self._disk.grow(spec.disk_gb)

    def remove_container(self) -> None:
        with contextlib.suppress(NotFound):
            self._client.api.remove_container(self.name, force=True, v=True)

    def destroy(self) -> None:
        self.remove_container()
        self._disk.take_device()
        if self._directory.exists():
            shutil.rmtree(self._directory)

    def plug(self, name: str, number: int, volumes: dict[str, int]) -> None:
        """A volume's device appears while the machine is on."""
        seed.write_volumes(self._firmware, volumes)
        devices = self._devices()
        if devices is None:
            return
        with contextlib.suppress(FileExistsError):
            os.mknod(devices / f"loop{number}", stat.S_IFBLK | 0o660, os.makedev(loop.MAJOR, number))
        # While it boots there is no udev yet: it looks for devices itself a moment later.
        loop.announce(number, "add")
        _until(lambda: os.path.lexists(devices / "disk" / "by-id" / f"scsi-0DO_Volume_{name}"), 5)

    def unplug(self, name: str, number: int, volumes: dict[str, int]) -> None:
        """A volume's device vanishes while the machine is on."""
        devices = self._devices()
        if devices is not None:
            link = devices / "disk" / "by-id" / f"scsi-0DO_Volume_{name}"
            loop.announce(number, "remove")
            _until(lambda: not os.path.lexists(link), 5)
            link.unlink(missing_ok=True)
            (devices / f"loop{number}").unlink(missing_ok=True)
        seed.write_volumes(self._firmware, volumes)

    def log_lines(self, count: int) -> list[str]:
        """The end of its console, without the colours."""
        text = self._container().logs(tail=count).decode(errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()

    def _config(self, spec: DropletSpec, image: str) -> dict[str, Any]:
        """The container's configuration; each privilege is one that systemd or an engine inside needs."""
        api = self._client.api
        host_config = api.create_host_config(
            network_mode=network.PUBLIC,
            restart_policy={"Name": "on-failure"},
            # Not `privileged`: that would open every device of this machine.
            cap_add=["ALL"],
            cap_drop=_missing_capabilities(),
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            cgroupns="private",
            # Only loop devices of this machine can be opened, even if the droplet creates other device nodes.
            device_cgroup_rules=["c *:* rwm", "b *:* m", f"b {loop.MAJOR}:* rwm"],
            mem_limit=spec.memory_mb * MIB,
            memswap_limit=spec.memory_mb * MIB,
            cpu_period=100_000,
            cpu_quota=spec.vcpus * 100_000,
            shm_size=spec.memory_mb * MIB // 2,
            sysctls={"net.ipv4.ip_forward": "0"},
            tmpfs={"/run": "exec", "/run/lock": "", "/tmp": "exec"},
            binds={
                str(self._firmware): {"bind": "/etc/droplet", "mode": "ro"},
                str(self._directory / "seed"): {"bind": "/var/lib/cloud/seed/nocloud", "mode": "ro"},
            },
            extra_hosts={layout.REGISTRY_HOST: str(layout.GATEWAY)},
            log_config={"Type": "json-file", "Config": {"max-size": "5m", "max-file": "2"}},
        )
        # What the command line calls systempaths=unconfined: /proc and /sys as on a machine.
        host_config["MaskedPaths"] = []
        host_config["ReadonlyPaths"] = []
        self._firmware.mkdir(parents=True, exist_ok=True)
        return api.create_container_config(
            image,
            command=None,
            hostname=spec.name,
            tty=True,
            stop_signal=_HALT,
            host_config=host_config,
            labels={
                LABEL: str(self.id),
                f"{LABEL}.public": str(spec.public_ipv4),
                f"{LABEL}.private": str(spec.private_ipv4),
            },
            networking_config=api.create_networking_config(
                {network.PUBLIC: api.create_endpoint_config(ipv4_address=str(spec.public_ipv4))}
            ),
        )

    def _devices(self) -> Path | None:
        """The machine's /dev while it is on."""
        process = (self._state() or {}).get("Pid")
        return Path(f"/proc/{process}/root/dev") if process else None

    def _container(self):  # the engine's library has no types
        try:
            return self._client.containers.get(self.name)
        except NotFound as error:
            raise HypervisorError(f"There is no droplet {self.id}.") from error

    def _state(self) -> dict[str, Any] | None:
        try:
            return self._client.api.inspect_container(self.name)["State"]
        except NotFound:
            return None

    def _ask(self, number: int, done: Callable[[dict[str, Any]], bool]) -> bool:
        process = (self._state() or {}).get("Pid")
        if not process:
            return self.power() is Power.OFF and number == _POWER_OFF
        with contextlib.suppress(ProcessLookupError):
            # Straight to PID 1: the engine's own `kill` counts as a manual stop, after which it restarts nothing.
            os.kill(process, number)
        return self._wait_for(done, SHUTDOWN_SECONDS)

    def _wait_for(self, done: Callable[[dict[str, Any]], bool], seconds: float) -> bool:
        return _until(lambda: (state := self._state()) is None or done(state), seconds)


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _missing_capabilities() -> list[str]:
    """What cannot be given because this machine lacks it; the engine would refuse all of them together.

    Without it a droplet cannot grow an ext4 file system that is mounted: unmounted it can, and XFS always.
    """
    status = Path("/proc/self/status").read_text()
    bounding = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), 16)
    return [] if bounding >> _CAP_SYS_RESOURCE & 1 else ["SYS_RESOURCE"]


def _addresses(labels: Mapping[str, str]) -> Addresses:
    return Addresses(IPv4Address(labels[f"{LABEL}.public"]), IPv4Address(labels[f"{LABEL}.private"]))
