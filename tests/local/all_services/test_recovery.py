"""What breaks on the machine mends itself, without Pulumi and within the time that is promised."""

import time
from collections.abc import Iterator

import pytest

from auren_infra.files import paths
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import Deployment
from tests.local.host import Host, wait_for

pytestmark = pytest.mark.machine

MENDED_WITHIN = 100
"""Seconds: three health checks that fail (45), ten until the watchdog looks, the 30 that a service has for its end,
and some for a machine that has other work."""


def main_process(host: Host, name: str) -> str:
    return host.run("docker", "inspect", "--format", "{{.State.Pid}}", name).strip()


def wait_until_started_anew(host: Host, before: dict[str, str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := [name for name, started in before.items() if host.started_at(name) == started]:
        assert time.monotonic() < deadline, f"not started anew within {seconds} s: {left}"
        time.sleep(1)


@pytest.mark.long(90)
def test_what_was_killed_or_hangs_is_started_anew(host: Host, containers: list[str]) -> None:
    """Three faults at once: killed by hand, a main process that dies, and one that hangs while its container runs."""
    broken = ("auren-nginx", "auren-chromadb", "auren-kafka-ui")
    killed, died, hangs = broken
    before = {name: host.started_at(name) for name in broken}
    # The API is not healthy without Chroma: whether it is started anew as well is a matter of moments.
    untouched = {name: host.started_at(name) for name in containers if name not in {*broken, "auren-api"}}
    host.run("docker", "kill", killed)
    host.run("kill", "-KILL", main_process(host, died))
    host.run("kill", "-STOP", main_process(host, hangs))
    wait_until_started_anew(host, before, MENDED_WITHIN)
    host.wait_until_healthy(containers, 60)
    assert {name: host.started_at(name) for name in untouched} == untouched


def test_a_killed_daemon_comes_back_and_no_container_noticed(host: Host, containers: list[str]) -> None:
    before = {name: (main_process(host, name), host.started_at(name)) for name in containers}
    daemon = host.run("systemctl", "show", "--property", "MainPID", "--value", "docker").strip()
    host.run("kill", "-KILL", daemon)
    host.wait_until_healthy(containers, MENDED_WITHIN)
    assert host.run("systemctl", "show", "--property", "MainPID", "--value", "docker").strip() not in ("0", daemon)
    assert {name: (main_process(host, name), host.started_at(name)) for name in containers} == before


@pytest.mark.long(100)
def test_what_no_restart_helps_is_left_as_it_is_and_told(host: Host, containers: list[str]) -> None:
    """As after the last try: the watchdog's memory says so. Its own tests count the tries."""
    name, service = "auren-kafka-ui", "kafka-ui"
    alarm = f"auren-failing@{service}.service"
    host.run("systemctl", "stop", "auren-watchdog")
    before, process = host.started_at(name), main_process(host, name)
    host.run("kill", "-STOP", process)
    wait_for(lambda: host.healths()[name] == "running unhealthy", MENDED_WITHIN)
    host.run("systemctl", "start", "auren-watchdog")
    host.run("sh", "-c", f"echo {host.container_id(name)} 5 0 >/run/auren-watchdog/{service}")
    wait_for(lambda: alarm in host.run("systemctl", "--failed", "--plain", "--no-legend"), MENDED_WITHIN)
    assert f"{name} is not healthy after 5 tries" in host.run("journalctl", "--unit", "auren-watchdog", "-p", "err")
    status, told = drift()
    assert status == 1
    assert told.startswith(f"{name} is unhealthy. Repair: `pulumi up ")
    assert host.started_at(name) == before

    host.run("kill", "-CONT", process)
    host.wait_until_healthy(containers, 60)
    wait_for(lambda: alarm not in host.run("systemctl", "--failed", "--plain", "--no-legend"), MENDED_WITHIN)
    assert drift() == (0, RIGHT)


@pytest.fixture
def without_data_disk(host: Host, containers: list[str]) -> Iterator[None]:
    """The data disk is away, and what fstab names cannot be mounted. All is put back afterwards."""
    host.run("systemctl", "stop", "auren", seconds=200)
    host.run("systemctl", "stop", "docker.socket", "docker")
    host.run("umount", paths.DATA)
    host.run("cp", "/etc/fstab", "/etc/fstab.kept")
    host.run("sed", "-i", f"s# {paths.DATA} ext4 # {paths.DATA} xfs #", "/etc/fstab")
    host.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        host.run("mv", "/etc/fstab.kept", "/etc/fstab")
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "reset-failed", check=False)
        host.run("systemctl", "start", "docker.socket", "docker", "auren")
        host.wait_until_healthy(containers, 120)


def test_nothing_starts_on_an_unmounted_data_disk(host: Host, without_data_disk: None) -> None:
    """Docker is held back, and with it every container."""
    assert host.run("findmnt", paths.DATA, check=False) == ""
    host.run("systemctl", "start", "docker", check=False)
    assert host.run("systemctl", "is-active", "docker", check=False).strip() != "active"
    assert host.run("find", paths.DATA, "-mindepth", "1") == "", "nothing may be written beside the disk"


def test_after_all_that_pulumi_has_nothing_to_do(deployment: Deployment, first_up: str) -> None:
    assert deployment.planned() == {}
