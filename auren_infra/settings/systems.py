"""The systems that a droplet may have, and the releases of Docker Engine that each of them can install.

One table, so that a release that a system cannot have is refused before a droplet is replaced for it. It says what was
known in November 2026. Whoever needs a newer release adds it here.

Sources: `apt-cache madison docker-ce` with download.docker.com/linux/{ubuntu,debian}/dists/CODENAME; for `docker.io`,
packages.ubuntu.com and packages.debian.org; docker/docker-ce-packaging#1246: no system gets a release from before it.
"""

from dataclasses import dataclass
from enum import StrEnum

Release = tuple[int, ...]
"""`(24, 0, 9)`; shorter where only the beginning is meant."""


class DockerSource(StrEnum):
    DOCKER = "docker"
    """Docker's own package repository."""
    DISTRIBUTION = "distribution"
    """The operating system's packages."""


@dataclass(frozen=True)
class System:
    """An operating system that DigitalOcean has an image of."""

    codename: str
    since: Release
    """The oldest release that Docker's own repository has for it and that can be used here. It has every newer one."""
    distribution: tuple[Release, ...]
    """The releases that the system's own packages have."""


OLDEST_DOCKER: Release = (23, 0)
"""`dockerd --validate`, which judges daemon.json before it counts, came with 23.0."""

DOCKER_LINES: dict[Release, int] = {
    (23, 0): 6,
    (24, 0): 9,
    (25, 0): 6,
    (26, 0): 2,
    (26, 1): 5,
    (27, 0): 3,
    (27, 1): 2,
    (27, 2): 1,
    (27, 3): 1,
    (27, 4): 1,
    (27, 5): 1,
    (28, 0): 4,
    (28, 1): 1,
    (28, 2): 2,
    (28, 3): 3,
    (28, 4): 0,
    (28, 5): 2,
}
"""The lines of Docker Engine that are finished, each with its last patch in Docker's repository."""
NEWEST_DOCKER = 29
"""The major release that still gets new lines."""

SYSTEMS = {
    "ubuntu-22-04-x64": System("jammy", (23, 0, 0), ((29, 1, 3),)),
    "ubuntu-24-04-x64": System("noble", (26, 0, 0), ((24, 0, 7), (29, 1, 3))),
    "ubuntu-26-04-x64": System("resolute", (29, 0, 0), ((29, 1, 3),)),
    "debian-12-x64": System("bookworm", (23, 0, 0), ()),
    "debian-13-x64": System("trixie", (28, 1, 0), ((26, 1, 5),)),
}
"""By the image's slug. Ubuntu has the release that it came with and the newest of its updates, which replaces the one
before; Debian has one. What is older than 23.0 is left out. Debian 12's 20.10.24 would have no Compose V2 either."""


def parse(text: str) -> Release:
    return tuple(int(part) for part in text.split("."))


def written(release: Release) -> str:
    return ".".join(map(str, release))


def offered(system: System, source: DockerSource, wanted: Release) -> bool:
    """Whether a package of `source` begins with `wanted`, as the script on the machine looks for it."""
    if source is DockerSource.DISTRIBUTION:
        return any(release[: len(wanted)] == wanted for release in system.distribution)
    return _exists(wanted) and wanted >= system.since[: len(wanted)]


def offer(system: System, source: DockerSource) -> str:
    """What `source` has for the system, in words."""
    if source is DockerSource.DOCKER:
        return f"{written(system.since)} and newer, up to {NEWEST_DOCKER}"
    return " and ".join(map(written, system.distribution)) or "none that can be used here"


def _exists(wanted: Release) -> bool:
    if wanted[0] == NEWEST_DOCKER:
        return True
    lines = {line: patch for line, patch in DOCKER_LINES.items() if line[: len(wanted)] == wanted[:2]}
    return bool(lines) and (len(wanted) < 3 or wanted[2] <= max(lines.values()))
