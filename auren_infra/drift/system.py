"""What the containers stand on: the data disk, Docker and its network, and systemd's units."""

from collections.abc import Iterator, Sequence

from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.host.expected import Expected
from auren_infra.host.orders import DataDisk, DockerEngine, DockerNetwork
from auren_infra.host.sent import Command


def findings(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    yield from _units(wanted, facts)
    for command in wanted.disks:
        yield from _disk(command, facts)
    for command in wanted.engines:
        yield from _docker(command, facts)
    for command in wanted.networks:
        yield from _network(command, facts, wanted.on_networks)


def _units(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    there = facts.units
    for unit, urn in wanted.units.items():
        properties = there.get(unit, {})
        # Installing Docker starts it; its command relies on that.
        docker = unit == "docker.service"
        starts, typed = "" if docker else urn, [f"systemctl enable --now {unit}"] if docker else []
        if properties.get("UnitFileState", "").startswith("masked"):
            typed = [f"systemctl unmask {unit}", *typed]
            yield Finding(unit, "is masked: nothing can start it", starts, " && ".join(typed))
            continue
        if properties.get("UnitFileState") != "enabled":
            yield Finding(unit, "is not enabled: it does not come back after a reboot", starts, " && ".join(typed))
        if properties.get("ActiveState") != "active":
            what = f"is {properties.get('ActiveState', 'unknown')}, not active"
            yield Finding(unit, what, starts, " && ".join(typed))
    needed = there.get("docker.service", {})
    for command in wanted.container_firewalls:
        if "auren-firewall.service" not in needed.get("Requires", "").split():
            yield Finding("docker.service", "starts without the container firewall", command.urn)
    for command in wanted.disks:
        if command.order.mount_point not in needed.get("RequiresMountsFor", "").split():
            yield Finding("docker.service", "starts without the data disk", command.urn)


def _disk(command: Command[DataDisk], facts: Facts) -> Iterator[Finding]:
    named, target = command.order.device, command.order.mount_point
    device, source = facts.disks.get(target, ("", ""))
    if not source:
        yield Finding(target, f"is not mounted: {named} belongs there", command.urn)
    elif source != device:
        # Docker writes there: nothing is repaired under it.
        what = f"is mounted from {source}, not from {device} ({named})"
        yield Finding(target, what, command.urn, f"systemctl stop auren docker && umount {target}")
    if not any(line.split()[:2] == [named, target] for line in facts.fstab):
        yield Finding("/etc/fstab", f"does not mount {named} at {target}", command.urn)


def _docker(command: Command[DockerEngine], facts: Facts) -> Iterator[Finding]:
    """A version is pinned as far as it is written, as docker_engine.sh reads it."""
    running = facts.docker_versions
    for program, pinned in _pinned(command.order).items():
        found = running.get(program)
        if found and found != pinned and not found.startswith(tuple(f"{pinned}{mark}" for mark in ".-+~")):
            yield Finding(_PROGRAMS[program], f"is of version {found}, not {pinned}", command.urn)
    for package, held in facts.docker_packages.items():
        if not held:
            yield Finding(package, "is not held: an upgrade of the system may change its version", command.urn)


_PROGRAMS = {"engine": "Docker", "client": "Docker's client", "containerd": "containerd", "compose": "Docker Compose"}
_PACKAGES = {
    "docker.io": ("engine", "client"),
    "docker-ce": ("engine",),
    "docker-ce-cli": ("client",),
    "containerd.io": ("containerd",),
    "docker-compose-plugin": ("compose",),
}
"""The programs in a package, by the names that `look.sh` gives them."""


def _pinned(order: DockerEngine) -> dict[str, str]:
    """Program -> version."""
    pins = dict(pin.split("=") for pin in order.packages)
    return {program: version for package, version in pins.items() for program in _PACKAGES.get(package, ())}


def _network(command: Command[DockerNetwork], facts: Facts, on_it: Sequence[str]) -> Iterator[Finding]:
    """`on_it` are the commands that start what is on the network."""
    if not facts.docker_versions:
        return
    name, subnet, bridge = command.order.name, command.order.subnet, command.order.bridge
    found = facts.networks.get(name)
    if found is None:
        yield Finding(name, "is gone: there is no such network", command.urn)
        return
    options = found.options or {}
    pools = found.pools.config or []
    wanted = ("bridge", [subnet], bridge, "false", False)
    present = (
        found.driver,
        [pool.subnet for pool in pools],
        options.get("com.docker.network.bridge.name"),
        options.get("com.docker.network.bridge.enable_icc"),
        found.ipv6,
    )
    if present != wanted:
        what = f"is {_told(*present)}, not {_told(*wanted)}"
        remove = f"docker ps --all --quiet | xargs --no-run-if-empty docker rm --force && docker network rm {name}"
        yield Finding(name, what, command.urn, f"systemctl stop auren && {remove}", tuple(on_it))


def _told(driver: str, subnets: list[str], bridge: str | None, icc: str | None, ipv6: bool) -> str:
    return f"a {driver} network {' '.join(subnets)} as {bridge}, icc {icc}, IPv6 {ipv6}"
