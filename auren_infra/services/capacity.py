"""Do the services fit their droplet, and which droplet do so many users need?

The first is arithmetic: memory limits that do not fit are refused, before the kernel ends a store for want of memory.
The second is the architecture page's growth table, read with care; it advises and refuses nothing. How full the data
volume may get is left out of it: a volume grows while it is in use.

`python -m auren_infra.services.capacity` prints both, and what backups cost.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from auren_infra.droplet_sizes import SIZES, SMALLEST, USD_PER_VOLUME_GB, DropletSize
from auren_infra.services import backup_cost
from auren_infra.services.backup_cost import Retention
from auren_infra.services.catalogue import described
from auren_infra.services.model import Service, Update
from auren_infra.settings import Fault, Settings, refusal

KEY = "auren:dropletSize"

SYSTEM_MB = 640
"""For all that is no container: what the kernel takes before anybody sees it (a droplet of 4096 MB shows about 3900),
systemd, sshd, containerd, Docker with its shims, and what a deployment runs on the machine."""


class Resource(StrEnum):
    """What a droplet runs short of, first things first: the page's bottlenecks. Its storage is on volumes, and of its
    network the page uses less than 1 %."""

    MEMORY = "memory"
    CPU = "cpu"


@dataclass(frozen=True)
class Need:
    """What so many users take on average; memory and CPU in percent of `SMALLEST`."""

    memory: int
    cpu: int
    storage_gb: int


GROWTH: dict[int, Need | None] = {
    100: Need(memory=70, cpu=60, storage_gb=40),
    1_000: Need(memory=85, cpu=80, storage_gb=80),
    10_000: None,
}
"""The page's growth projections by users; None is its "need horizontal scaling". Nobody has measured between the rows,
so the next higher row counts there."""
ROOM = 80
"""Percent of a resource that may be used on average. The rest is for the hours that are not average, and for a
deployment."""
SEPARATION = (
    "PostgreSQL to a managed database",
    "Redis to a managed Valkey",
    "files to Spaces",
    "then the services to Docker Swarm or Kubernetes",
)
"""How AUREN is spread over more than one machine, in the page's order."""


@dataclass(frozen=True)
class Memory:
    """The limits of all services beside a droplet's memory."""

    limits_mb: int
    droplet_mb: int

    @property
    def left_mb(self) -> int:
        return self.droplet_mb - self.limits_mb - SYSTEM_MB


@dataclass(frozen=True)
class Recommendation:
    """The cheapest droplet that has room for the users, and the volume beside it."""

    size: str
    volume_gb: int
    usd_a_month: float
    bottleneck: Resource
    """What it will be short of first."""


@dataclass(frozen=True)
class Plan:
    users: int
    size: str
    """The size that is configured."""
    memory: Memory
    fits: bool
    """Whether that size has room for the users."""
    recommended: Recommendation | None
    """None when no single droplet has room: AUREN must be spread."""
    warning: str
    """What to do when it does not fit, as one sentence."""


def plan(settings: Settings) -> Plan:
    """Raises `SettingsError` with the arithmetic when the services do not fit the configured droplet."""
    if found := faults(settings):
        raise refusal(found)
    size = settings.droplet_size
    need = _need(settings.users)
    fits = need is not None and _has_room(need, SIZES[size])
    recommended = recommend(settings)
    return Plan(
        users=settings.users,
        size=size,
        memory=_memory(_services(settings, size), SIZES[size]),
        fits=fits,
        recommended=recommended,
        warning="" if fits else _warning(settings, need, recommended),
    )


def faults(settings: Settings) -> list[Fault]:
    """With the arithmetic, when the services do not fit the configured droplet."""
    chosen = settings.droplet_size
    lacks = _lacks(_services(settings, chosen), SIZES[chosen])
    if not lacks:
        return []
    mend = next(
        (
            f"The cheapest size that they fit is {name}: `pulumi config set {KEY} {name}`."
            for name, size in _by_price()
            if not _lacks(_services(settings, name), size)
        ),
        "They fit no size that AUREN knows: lower their limits in auren_infra/services/catalogue.py.",
    )
    return [Fault(KEY, "\n".join([f"the services do not fit {chosen}", *lacks, mend]))]


def lenders(settings: Settings, megabytes: int) -> tuple[str, ...]:
    """The services that are stopped while so much more is needed; none where the droplet has that memory."""
    services = _services(settings, settings.droplet_size)
    return tuple(each.name for each in _lenders(services, SIZES[settings.droplet_size], megabytes))


def _lenders(services: tuple[Service, ...], size: DropletSize, megabytes: int) -> list[Service]:
    """All that lend, when even their memory is not enough."""
    left, found = _memory(services, size).left_mb, list[Service]()
    for each in services:
        if each.lends_memory and left < megabytes:
            left += each.limits.memory_mb
            found.append(each)
    return found


def recommend(settings: Settings) -> Recommendation | None:
    """For `auren:users`, whatever size is configured."""
    need = _need(settings.users)
    if need is None:
        return None
    for name, size in _by_price():
        if _has_room(need, size) and not _lacks(_services(settings, name), size):
            usd = round(size.usd_a_month + need.storage_gb * USD_PER_VOLUME_GB, 2)
            used = utilization(need, size)
            return Recommendation(name, need.storage_gb, usd, max(used, key=lambda resource: used[resource]))
    return None


def utilization(need: Need, size: DropletSize) -> dict[Resource, int]:
    """Percent of `size` that is used on average, rounded up; in the order of `Resource`."""
    return {
        Resource.MEMORY: math.ceil(need.memory * SMALLEST.memory_mb / size.memory_mb),
        Resource.CPU: math.ceil(need.cpu * SMALLEST.vcpus / size.vcpus),
    }


def _need(users: int) -> Need | None:
    return next((need for row, need in sorted(GROWTH.items()) if users <= row), None)


def _has_room(need: Need, size: DropletSize) -> bool:
    return all(percent <= ROOM for percent in utilization(need, size).values())


def _by_price() -> list[tuple[str, DropletSize]]:
    return sorted(SIZES.items(), key=lambda entry: entry[1].usd_a_month)


def _services(settings: Settings, size: str) -> tuple[Service, ...]:
    """As they would be on `size`: a larger droplet gives some of them more."""
    return described(settings.model_copy(update={"droplet_size": size}))


def _memory(services: tuple[Service, ...], size: DropletSize) -> Memory:
    return Memory(sum(service.limits.memory_mb for service in services), size.memory_mb)


def _lacks(services: tuple[Service, ...], size: DropletSize) -> list[str]:
    lacks = [
        f"{service.name} may use {service.limits.cpus:g} CPUs, the droplet has {size.vcpus}: Docker would not start it"
        for service in services
        if service.limits.cpus > size.vcpus
    ]
    memory = _memory(services, size)
    if memory.left_mb < 0:
        lines = [(service.name, service.limits.memory_mb) for service in services]
        lines += [("the system", SYSTEM_MB), ("needed", memory.limits_mb + SYSTEM_MB)]
        lines += [("the droplet has", memory.droplet_mb), ("lacking", -memory.left_mb)]
        lacks += ["memory, in MB:", *(f"  {what:<16}{megabytes:>6}" for what, megabytes in lines)]
        return lacks
    for service in (each for each in services if each.update is Update.START_FIRST):
        needed = service.limits.memory_mb
        lent = [(f"of {each.name}", each.limits.memory_mb) for each in _lenders(services, size, needed)]
        lacking = needed - memory.left_mb - sum(megabytes for _, megabytes in lent)
        if lacking > 0:
            lines = [("needed", needed), ("left", memory.left_mb), *lent, ("lacking", lacking)]
            lacks.append(f"memory for a second container of {service.name} during its update, in MB:")
            lacks += [f"  {what:<16}{megabytes:>6}" for what, megabytes in lines]
    return lacks


def _warning(settings: Settings, need: Need | None, recommended: Recommendation | None) -> str:
    users = f"{settings.users:,} users (auren:users)"
    if recommended is None or need is None:
        return f"{users} need more than one droplet: move {', '.join(SEPARATION)}."
    used = utilization(need, SIZES[settings.droplet_size])
    short = " and ".join(f"{percent} % of its {resource}" for resource, percent in used.items() if percent > ROOM)
    return (
        f"{settings.droplet_size} is too small for {users}: they would use {short} on average, {ROOM} % leaves room; "
        f"`pulumi config set auren:dropletSize {recommended.size}`."
    )


def table() -> str:
    """For the page's numbers of users, and for every size; what is no matter of size is left at its default."""
    settings = Settings.model_construct()
    lines = [f"{'Users':>8}  {'Size':<18}{'Memory':>7}{'CPU':>6}{'Volume':>9}{'USD a month':>13}  Bottleneck"]
    for users, need in GROWTH.items():
        best = recommend(settings.model_copy(update={"users": users}))
        if best is None or need is None:
            lines.append(f"{users:>8,}  more than one droplet: {', '.join(SEPARATION)}")
            continue
        used = utilization(need, SIZES[best.size])
        lines.append(
            f"{users:>8,}  {best.size:<18}{used[Resource.MEMORY]:>6}%{used[Resource.CPU]:>5}%"
            f"{best.volume_gb:>6} GB{best.usd_a_month:>13.2f}  {best.bottleneck}"
        )
    lines += ["", f"{'Size':<18}{'vCPUs':>6}{'Memory':>8}{'Limits':>8}{'System':>8}{'Left':>7}{'USD':>6}  Users"]
    for name, size in _by_price():
        services = _services(settings, name)
        memory = _memory(services, size)
        enough = [users for users, need in GROWTH.items() if need and _has_room(need, size)]
        verdict = "refused" if _lacks(services, size) else f"up to {max(enough):,}" if enough else "no room"
        lines.append(
            f"{name:<18}{size.vcpus:>6}{memory.droplet_mb:>8}{memory.limits_mb:>8}{SYSTEM_MB:>8}{memory.left_mb:>7}"
            f"{size.usd_a_month:>6}  {verdict}"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    default = Settings.model_construct()
    parser = argparse.ArgumentParser(prog="python -m auren_infra.services.capacity", description=__doc__)
    parser.add_argument(
        "--retention",
        nargs=3,
        type=int,
        metavar=("DAYS", "WEEKS", "MONTHS"),
        default=(default.backup_days, default.backup_weeks, default.backup_months),
        help="for how long backups are kept; default: %(default)s",
    )
    retention = Retention(*parser.parse_args(arguments).retention)
    print(f"{table()}\n{backup_cost.table(retention)}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
