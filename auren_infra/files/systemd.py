"""What systemd is told: units of AUREN, and additions to units of the system. NAME is the path below `paths.UNITS`."""

from pathlib import PurePosixPath

from auren_infra.files import paths
from auren_infra.files.render import template

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


def named(*names: str) -> dict[str, str]:
    """The texts of these, each by its last name: so a script finds them in what it is sent."""
    return {PurePosixPath(name).name: unit(name) for name in names}
