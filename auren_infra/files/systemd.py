"""What systemd is told: units of AUREN, and additions to units of the system. NAME is the path below `paths.UNITS`."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from auren_infra.files import paths
from auren_infra.files.render import template
from auren_infra.services.model import Job

CONTAINER_FIREWALL = "auren-firewall.service"
CONTAINERS = "auren.service"
WATCHDOG = "auren-watchdog.service"
ALARM = "auren-failing@.service"
HOURLY_ROTATION = "logrotate.timer.d/auren.conf"
DATA_DISK = "docker.service.d/10-data-disk.conf"


def unit(name: str) -> str:
    """The text of `NAME`."""
    return template(f"systemd/{name}", paths=paths)


def places(*names: str) -> dict[str, tuple[str, int]]:
    """Where each of these is on the machine, and its mode; by the name that `named` gives it."""
    return {PurePosixPath(name).name: (f"{paths.UNITS}/{name}", 0o644) for name in names}


def of_jobs(jobs: Iterable[Job]) -> dict[str, str]:
    """The units of jobs: for each a service and its timer."""
    kinds = ("service", "timer")
    return {f"auren-{job.name}.{kind}": template(f"jobs/{kind}", job=job) for job in jobs for kind in kinds}


def named(*names: str) -> dict[str, str]:
    """The texts of these, each by its last name: so a script finds them in what it is sent."""
    return {PurePosixPath(name).name: unit(name) for name in names}
