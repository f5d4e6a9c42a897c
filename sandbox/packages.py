"""The programs that the sandbox calls, and the distribution's packages that contain them.

Debian and Ubuntu are served; elsewhere the missing programs are named. Packages are installed without starting the
services that some of them bring: the sandbox runs what it needs itself, as long as it needs it.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox import docker_daemon, layout

LOCK_SECONDS = 300
"""How long to wait for another apt or dpkg on this machine."""
INSTALL_SECONDS = 1800

POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by every package before it starts a service; exit status 101 forbids it."""
POLICY_TEXT = f"#!/bin/sh\n# {layout.NAME}: while it installs packages\nexit 101\n"
UNITS = ("docker.socket", "docker.service", "containerd.service", "docker-registry.service")


class PackagesError(RuntimeError):
    """A missing program cannot be installed here; the text says which."""


@dataclass(frozen=True)
class Program:
    """A part of a package: a command on PATH, or a file."""

    name: str
    package: str
    purpose: str


PROGRAMS = (
    Program("ip", "iproute2", "networks"),
    Program("iptables", "iptables", "the cloud's firewall"),
    Program("modprobe", "kmod", "kernel modules"),
    Program("losetup", "mount", "block volumes"),
    Program("mkfs.ext4", "e2fsprogs", "file systems on volumes"),
    Program("mkfs.xfs", "xfsprogs", "file systems on volumes"),
    Program("ssh", "openssh-client", "the machine's shell"),
    Program("mmdebstrap", "mmdebstrap", "the droplets' root file system"),
    Program("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", "checking Debian's packages"),
    Program("docker-registry", "docker-registry", "the image registry"),
)
DOCKER = Program("dockerd", "docker.io", "containers")


def find_programs_of_root() -> None:
    """A shell of root that was entered with plain `su` has no sbin on its PATH."""
    os.environ["PATH"] = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/local/sbin:/usr/sbin:/sbin"


def missing() -> list[Program]:
    """The missing programs. Docker is needed only if no daemon answers."""
    wanted = PROGRAMS if docker_daemon.chosen() not in (None, docker_daemon.OwnDaemon().host) else (*PROGRAMS, DOCKER)
    return [program for program in wanted if _path_of(program.name) is None]


def fault(programs: list[Program]) -> str | None:
    """Why these programs cannot be installed from here; None when they can."""
    if not programs or shutil.which("apt-get"):
        return None
    listed = "\n".join(f"  {program.name} ({program.package} on Debian), for {program.purpose}" for program in programs)
    return f"These programs are missing, and there is no apt-get to install them with:\n{listed}"


def install(programs: list[Program], say: Callable[[str], None]) -> None:
    """Install their packages, refreshing the package lists when they turn out to be stale or absent."""
    if not programs:
        return
    packages = sorted({program.package for program in programs})
    services_before = {unit for unit in UNITS if _systemctl("cat", unit)}
    with _no_service_starts():
        if not _apt("install", *packages).returncode:
            say(f"installed {' '.join(packages)}")
        else:
            say("refreshing the package lists")
            _must(_apt("update"), "the package lists cannot be refreshed")
            say(f"installing {' '.join(packages)}")
            _must(_apt("install", *packages), f"{' '.join(packages)} cannot be installed")
    # Where systemd runs, the next boot would start them.
    for unit in UNITS:
        if unit not in services_before and _systemctl("cat", unit):
            _systemctl("disable", unit)
            say(f"{unit} came with its package and was not enabled: `systemctl enable --now {unit}` if you want it")
    if still := [program.name for program in programs if _path_of(program.name) is None]:
        raise PackagesError(f"{' '.join(packages)} are installed, but {' '.join(still)} is not on PATH.")


def _path_of(name: str) -> Path | None:
    if name.startswith("/"):
        return Path(name) if Path(name).exists() else None
    # A root shell that was entered with plain `su` has no sbin on its PATH.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    return Path(found) if found else None


def _apt(verb: str, *packages: str) -> subprocess.CompletedProcess[str]:
    options = ("-q", "-y", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}", "-o", "Acquire::Retries=3")
    if verb == "install":
        options += ("--no-install-recommends",)
    return subprocess.run(
        ["apt-get", *options, verb, *packages],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
    )


def _must(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        lines = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise PackagesError(f"{what} (`{' '.join(done.args)}`):\n{lines}")


def _systemctl(verb: str, unit: str) -> bool:
    if not Path("/run/systemd/system").exists():
        return False
    return subprocess.run(["systemctl", verb, unit], capture_output=True, check=False, timeout=60).returncode == 0


@contextmanager
def _no_service_starts() -> Iterator[None]:
    # An existing policy, as in a container image, stays. Ours, left by a cut run, is used again.
    if POLICY.exists() and POLICY.read_text() != POLICY_TEXT:
        yield
        return
    POLICY.write_text(POLICY_TEXT)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
