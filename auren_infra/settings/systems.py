"""The systems that a droplet may have, and which releases of Docker each of them can install.

With this table, a release that a system cannot install is refused before a droplet is replaced for it. The table holds
what was known in November 2026. To use a newer release, add it here.

Sources: `apt-cache madison docker-ce` with download.docker.com/linux/{ubuntu,debian}/dists/CODENAME; for `docker.io`,
packages.ubuntu.com and packages.debian.org; docker/docker-ce-packaging#1246: no system gets a release from before it.
"""

from dataclasses import dataclass

Release = tuple[int, ...]
"""Such as `(24, 0, 9)`; shorter for the beginning of a version."""


@dataclass(frozen=True)
class System:
    """An operating system that DigitalOcean has an image of."""

    codename: str
    since: Release
    """The oldest release that Docker's own repository has for it. It has every newer one."""
    distribution: tuple[Release, ...]
    """The releases that the system's own packages have."""


SYSTEMS = {
    "ubuntu-22-04-x64": System("jammy", (20, 10), ((29, 1, 3),)),
    "ubuntu-24-04-x64": System("noble", (26, 0, 0), ((24, 0, 7), (29, 1, 3))),
    "ubuntu-26-04-x64": System("resolute", (29, 0, 0), ((29, 1, 3),)),
    "debian-12-x64": System("bookworm", (23, 0, 0), ()),
    "debian-13-x64": System("trixie", (28, 1, 0), ((26, 1, 5), (28, 5, 2))),
}
"""By the image's slug. Ubuntu has its first release and the newest update, which replaces the update before. Debian has
one release. 28.5.2 is of the next Debian, for a droplet of Debian 13 with the next Debian among its package sources, as
in the rehearsal. Releases before 23.0 are left out, because they have no `dockerd --validate`, which checks daemon.json
before it is used. Debian 12's 20.10.24 has no Compose V2 either."""


def parse(text: str) -> Release:
    return tuple(int(part) for part in text.split("."))


def written(release: Release) -> str:
    return ".".join(map(str, release))
