"""Docker on the machine: the source of its packages, and the sets of versions that belong together.

Docker's own repository keeps every release. For each release that a stack may choose, one set of its packages is
pinned: the engine, its client, containerd and Compose. The sets were read on 2026-11-25:

- Which releases are supported: `project/BRANCHES-AND-TAGS.md` of github.com/moby/moby. 29 is maintained by Docker,
  28 by Microsoft. 24.0 ended in 2024.
- Which packages belong together: the versions that `apt-get` of Ubuntu 22.04 offered when the engine was the newest
  (29.8.2 with containerd.io 2.3.6 and docker-compose-plugin 5.6.0; 28.5.2 with 1.7.29 and 2.40.3; 24.0.9 with 1.6.33,
  the last of its line, and 2.24.5).

A distribution has one release of Docker with matching packages. There, only the engine's version is chosen.
"""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationInfo

from auren_infra.settings.faults import wrong
from auren_infra.settings.systems import SYSTEMS, System, parse, written


class DockerSource(StrEnum):
    DOCKER = "docker"
    """Docker's own package repository."""
    DISTRIBUTION = "distribution"
    """The operating system's packages."""


@dataclass(frozen=True)
class DockerRelease:
    """Packages of Docker's own repository that belong together, each by its upstream version."""

    engine: str
    """The version of the client as well, which is released with the engine."""
    containerd: str
    compose: str
    supported: bool
    """Whether it still gets security updates."""

    @property
    def packages(self) -> dict[str, str]:
        """Package -> version. The engine comes first."""
        return {
            "docker-ce": self.engine,
            "docker-ce-cli": self.engine,
            "containerd.io": self.containerd,
            "docker-compose-plugin": self.compose,
        }


RELEASES = (
    DockerRelease("29.8.2", containerd="2.3.6", compose="5.6.0", supported=True),
    DockerRelease("28.5.2", containerd="1.7.29", compose="2.40.3", supported=True),
    DockerRelease("24.0.9", containerd="1.6.33", compose="2.24.5", supported=False),
)
"""The newest first."""


def release(version: str) -> DockerRelease | None:
    """The newest pinned release whose engine is `version`, or begins with it; None when there is none."""
    return next((each for each in RELEASES if f"{each.engine}.".startswith(f"{version}.")), None)


def packages(source: DockerSource, version: str) -> tuple[str, ...]:
    """The packages to install, each as PACKAGE=VERSION. The engine comes first."""
    if source is DockerSource.DISTRIBUTION:
        return (f"docker.io={version}",)
    pinned = release(version)
    assert pinned, "the settings refuse a version without a pinned set"
    return tuple(f"{package}={wanted}" for package, wanted in pinned.packages.items())


def generation(source: DockerSource, version: str) -> str:
    """A text that changes exactly when an update of Docker stops the containers."""
    wanted = dict(each.split("=") for each in packages(source, version))
    numbers = {
        package: wanted[package].partition(".")[0]
        for package in ("docker-ce", "docker.io", "containerd.io")
        if package in wanted
    }
    return " ".join(f"{package} {number}" for package, number in numbers.items())


def warning(source: DockerSource, version: str) -> str:
    """A warning for a version that is allowed and not supported; empty for others."""
    pinned = release(version)
    if source is DockerSource.DISTRIBUTION or pinned is None or pinned.supported:
        return ""
    return (
        f"Docker {pinned.engine} gets no security updates any more. Set auren:dockerVersion to {RELEASES[0].engine}; "
        "the containers are stopped for the change and started again."
    )


def offered(system: System, source: DockerSource) -> list[str]:
    """The newest version of each release that a system can install, the newest first."""
    if source is DockerSource.DISTRIBUTION:
        return [written(each) for each in reversed(system.distribution)]
    return [each.engine for each in RELEASES if parse(each.engine) >= system.since]


def available_version(version: str, info: ValidationInfo) -> str:
    """Refuse a version that the droplet's system cannot install from the chosen source."""
    image, source = info.data.get("droplet_image"), info.data.get("docker_source")
    if source is DockerSource.DOCKER and not release(version):
        raise wrong(
            "no set of packages of Docker's own repository is pinned for it; choose one of {pinned}, "
            "or add the set to auren_infra/settings/docker.py",
            pinned=", ".join(each.engine for each in RELEASES),
        )
    # If the image or the source is missing, because it is wrong itself, all of them are tried.
    systems = [SYSTEMS[image]] if image else list(SYSTEMS.values())
    sources = [source] if source else list(DockerSource)
    offer = list(dict.fromkeys(each for system in systems for origin in sources for each in offered(system, origin)))
    if not any(f"{each}.".startswith(f"{version}.") for each in offer):
        raise wrong(
            "{where} no such release{system}; there is {offer}. Change it, auren:dockerSource or auren:dropletImage",
            where=_HAVE[source] if source else "the package sources have",
            system=f" for {image} ({SYSTEMS[image].codename})" if image else "",
            offer=" and ".join(offer) or "none that can be used here",
        )
    return version


_HAVE = {DockerSource.DOCKER: "Docker's own repository has", DockerSource.DISTRIBUTION: "the distribution has"}
