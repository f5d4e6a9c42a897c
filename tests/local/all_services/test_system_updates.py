"""Security updates of the system are installed without anybody, and nothing else is. A reboot waits for its time."""

import datetime as dt
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.all_services.test_docker_release import now, said_since
from tests.local.all_services.test_drift import RIGHT, drift
from tests.local.host import Host

pytestmark = pytest.mark.machine

SCRIPTS = Path(__file__).parent / "scripts"
PACKAGES = ("auren-test-kernel", "auren-test-held", "auren-test-other")
"""One that an update concerns, one that is held, and one whose update is no security update."""


def test_only_security_updates_are_allowed_on_debian_and_on_ubuntu(host: Host) -> None:
    """Judged by the program itself, with the settings as they are on the machine."""
    allowed = host.run_script(SCRIPTS / "origins.py")
    assert {name for name, is_allowed in allowed.items() if is_allowed} == {
        "Debian's security updates",
        "Ubuntu's security updates",
        "Ubuntu's extended security",
        "Ubuntu's extended security of applications",
    }
    assert len(allowed) == 12


def test_they_are_looked_for_every_day(host: Host) -> None:
    settings = host.run("apt-config", "dump")
    for line in ('Update-Package-Lists "1"', 'Unattended-Upgrade "1"'):
        assert f"APT::Periodic::{line};" in settings
    timers = host.run("systemctl", "list-timers", "--no-legend")
    assert re.search(r"(?m) apt-daily-upgrade\.timer\b", timers)


@pytest.fixture
def updates(host: Host) -> Iterator[None]:
    """Packages of version 1 that are installed, and package sources with their version 2."""
    repository = (SCRIPTS / "repository.sh").read_text()

    def make(directory: str, label: str, codename: str, version: str, *packages: str) -> None:
        entries = [f"{package}={version}" for package in packages]
        host.run("bash", "-s", "--", directory, "Debian", label, codename, *entries, stdin=repository)

    make("/srv/before", "Debian", "trixie", "1", *PACKAGES)
    host.run("sh", "-c", "dpkg -i /srv/before/*.deb && rm -f /run/reboot-required")
    host.run("apt-mark", "hold", "auren-test-held")
    make("/srv/security", "Debian-Security", "trixie-security", "2", "auren-test-kernel", "auren-test-held")
    make("/srv/other", "Debian", "trixie", "2", "auren-test-other")
    sources = "".join(f"deb [trusted=yes] file:/srv/{name} ./\n" for name in ("security", "other"))
    host.run("tee", "/etc/apt/sources.list.d/test.list", stdin=sources)
    host.run("apt-get", "-q", "update", seconds=300)
    yield
    host.run("shutdown", "-c", check=False)
    host.run("rm", "-rf", "/etc/apt/sources.list.d/test.list", "/srv/before", "/srv/security", "/srv/other")
    host.run("apt-mark", "unhold", "auren-test-held")
    host.run("dpkg", "--purge", *PACKAGES)
    host.run("rm", "-f", "/run/reboot-required", "/run/reboot-required.pkgs")


def versions(host: Host) -> dict[str, str]:
    shown = host.run("dpkg-query", "--show", "--showformat", "${Package} ${Version}\n", *PACKAGES)
    return dict(line.split() for line in shown.splitlines())


@pytest.mark.long
def test_a_security_update_is_installed_and_the_reboot_for_it_waits_for_its_time(host: Host, updates: None) -> None:
    said = host.run("unattended-upgrade", "--verbose", seconds=300)
    assert versions(host) == {"auren-test-kernel": "2", "auren-test-held": "1", "auren-test-other": "1"}, said
    planned = dict(line.split("=") for line in host.run("cat", "/run/systemd/shutdown/scheduled").splitlines())
    assert planned["MODE"] == "reboot"
    at = dt.datetime.fromtimestamp(int(planned["USEC"]) / 1e6, dt.UTC)
    assert (at.hour, at.minute) == (4, 0)


@pytest.mark.long
def test_the_reboot_stops_the_containers_cleanly_and_all_come_back(host: Host, containers: list[str]) -> None:
    """By the same call as unattended-upgrades makes, at once."""
    started, moment = host.run("cut", "-d ", "-f22", "/proc/1/stat"), now(host)
    host.run("shutdown", "-r", "now", check=False)
    deadline = time.monotonic() + 180
    while host.run("cut", "-d ", "-f22", "/proc/1/stat", check=False) in ("", started):
        assert time.monotonic() < deadline, "the machine did not restart"
        time.sleep(1)
    host.wait_until_healthy(containers, 180)
    said = said_since(host, "auren-postgres", moment)
    assert "database system was shut down at" in said
    assert "interrupted" not in said
    assert drift() == (0, RIGHT)


def test_dockers_packages_are_not_among_the_updates(host: Host) -> None:
    held = host.run("apt-mark", "showhold").split()
    assert {"docker.io", "docker-cli", "containerd", "runc", "docker-compose"} <= set(held)
