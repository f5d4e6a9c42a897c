"""Requirements of this machine, checked before it is changed. All faults are reported at once.

Nothing here changes anything, and no fault is guessed from a distribution's name: each need is tried or read where the
kernel says it. Programs that packages bring are the business of `sandbox.packages`.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, ip_interface
from pathlib import Path

from sandbox import cloud_server, docker_daemon, layout, registry_place

DISK_GB = 8
"""What caches, nine service images (0.9 GB here, as much in the droplet, half in the registry) and one droplet take,
measured; less is asked once the caches are filled."""
DISK_GB_WARM = 3
MEMORY_GB = 5
"""The droplet with its services takes 1 GB; building the engine takes the rest."""

OWN_DEVICE = "asbx-"
"""How the names of this sandbox's own bridges and test clients begin."""
OWN_NETWORKS = (layout.PUBLIC_NETWORK, layout.INTERNET_RANGE, ip_interface(layout.DOCKER_BRIDGE_ADDRESS).network)

_CAPABILITIES = {12: "CAP_NET_ADMIN", 21: "CAP_SYS_ADMIN", 27: "CAP_MKNOD"}


def faults() -> list[str]:
    """All faults, each with its repair; empty when the sandbox can be started."""
    checks: list[Callable[[], Iterable[str]]] = [system, rights, disk, memory, ports, addresses, kernel, docker]
    if sys.platform != "linux":
        return list(system())
    return [fault for check in checks for fault in check()]


def system() -> Iterable[str]:
    if sys.platform != "linux":
        yield f"This is {sys.platform}, but a droplet is a Linux machine in a container. A virtual Linux will do."


def root() -> Iterable[str]:
    if os.geteuid() != 0:
        yield "Not root: bridges, firewall rules and block devices are made and removed. Run it as root (`sudo -E …`)."


def rights() -> Iterable[str]:
    if not_root := list(root()):
        yield from not_root
        return
    effective = int(_field(Path("/proc/self/status"), "CapEff:") or "0", 16)
    missing = [name for bit, name in _CAPABILITIES.items() if not effective >> bit & 1]
    if missing:
        yield f"Root here lacks {', '.join(missing)}: this looks like a container. Use a machine, or `--privileged`."


def disk() -> Iterable[str]:
    needed = DISK_GB_WARM if (layout.CACHE / "docker").exists() or (layout.CACHE / "registry").exists() else DISK_GB
    for directory in (layout.STATE, layout.CACHE):
        place = next(parent for parent in (directory, *directory.parents) if parent.exists())
        free = shutil.disk_usage(place).free / 1e9
        if free < needed:
            yield (
                f"{place} has {free:.1f} GB free, {needed} GB are needed. Free some, or set AUREN_SANDBOX_STATE and "
                "AUREN_SANDBOX_CACHE to directories on a larger disk."
            )


def memory() -> Iterable[str]:
    if cloud_server.PROCESS.pid() is not None:
        return  # what it needs, it has
    free = int((_field(Path("/proc/meminfo"), "MemAvailable:") or "0 kB").split()[0]) / 1e6
    if free < MEMORY_GB:
        yield f"{free:.1f} GB of memory are free, {MEMORY_GB} GB are needed. Stop something, or use a larger machine."


def ports() -> Iterable[str]:
    push_address, _, push_port = layout.REGISTRY_PUSH.partition(":")
    if cloud_server.PROCESS.pid() is None:
        yield from _taken(layout.API_ADDRESS, layout.API_PORT, "the simulated APIs")
        yield from _taken(layout.DNS_ADDRESS, layout.DNS_PORT, "the name server")
        yield from _taken(layout.DNS_ADDRESS, layout.DNS_PORT, "the name server", socket.SOCK_DGRAM)
        yield from _taken(layout.API_ADDRESS, layout.SPACES_PROXY_PORT, "the way to the simulated Spaces")
    if not registry_place.is_running():
        yield from _taken(push_address, int(push_port), "the image registry")
        yield from _taken(str(layout.GATEWAY), 443, "the image registry")


def addresses() -> Iterable[str]:
    for device, network in _routes(Path("/proc/net/route").read_text()):
        for own in OWN_NETWORKS:
            # A default route, or a VPN's route for half of all addresses, is less specific, so ours is used.
            if network.prefixlen >= 8 and network.overlaps(own) and not device.startswith(OWN_DEVICE):
                yield (
                    f"{own} is needed for simulated addresses, but {device} leads to {network}. Take that route away "
                    f"while the sandbox runs (`ip route show {network}`)."
                )


def kernel() -> Iterable[str]:
    needs = {
        "overlay": ("overlay" in Path("/proc/filesystems").read_text().split(), "container file systems"),
        "loop": (Path("/dev/loop-control").exists(), "block volumes"),
        "br_netfilter": (Path("/proc/sys/net/bridge").exists(), "firewalls inside droplets"),
        "bridge": (Path("/sys/module/bridge").exists() or Path("/proc/sys/net/bridge").exists(), "networks"),
    }
    for module, (there, purpose) in needs.items():
        if not there and not _loadable(module):
            yield f"The kernel has no {module} (for {purpose}) and no module to load. Use a distribution's kernel."


def docker() -> Iterable[str]:
    chosen = docker_daemon.chosen()
    if chosen is not None and chosen != docker_daemon.OwnDaemon().host:
        yield from docker_daemon.faults_of(chosen)


def prepare_kernel() -> None:
    """Load the modules. Those that are built into the kernel need no loading."""
    for module in ("overlay", "loop", "bridge", "br_netfilter"):
        with contextlib.suppress(OSError):
            subprocess.run(["modprobe", "--quiet", module], capture_output=True, check=False, timeout=30)


def _taken(address: str, port: int, purpose: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> Iterable[str]:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's remains are no server
        probe.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND: the address comes later, with its bridge
        try:
            probe.bind((address, port))
        except OSError as error:
            name = "udp" if kind == socket.SOCK_DGRAM else "tcp"
            yield (
                f"{address}:{port}/{name} is needed for {purpose}: {error.strerror}. "
                f"`ss -lnp 'sport = :{port}'` shows who has it."
            )


def _routes(table: str) -> Iterable[tuple[str, IPv4Network]]:
    """Device and destination of each line of /proc/net/route, whose numbers are in the machine's byte order."""
    for line in table.splitlines()[1:]:
        device, destination, *_, mask = line.split()[:8]
        address, netmask = (int.from_bytes(bytes.fromhex(number), sys.byteorder) for number in (destination, mask))
        if device != "*":  # an unreachable or blackhole route: ours keeps simulated addresses on the machine
            yield device, IPv4Network((IPv4Address(address), str(IPv4Address(netmask))))


def _loadable(module: str) -> bool:
    try:
        return subprocess.run(["modprobe", "--dry-run", "--quiet", module], check=False, timeout=30).returncode == 0
    except OSError:
        return False


def _field(file: Path, name: str) -> str | None:
    lines = (line for line in file.read_text().splitlines() if line.startswith(name))
    return next((line.removeprefix(name).strip() for line in lines), None)
