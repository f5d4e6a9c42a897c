"""Another release of Docker, older or newer: the containers stop cleanly, come back, and are asked for their health."""

import subprocess

import pytest

from sandbox import layout
from tests.local.all_services.test_drift import RIGHT, drift
from tests.local.deployment import Deployment
from tests.local.host import Host

pytestmark = pytest.mark.machine

OLDER = "26.1"
"""Debian trixie's own; what is deployed is of forky."""


def engine(host: Host) -> str:
    return host.run("docker", "version", "--format", "{{.Server.Version}}").strip()


def ids(host: Host) -> dict[str, str]:
    return {name: container["Id"] for name, container in host.containers().items()}


def said_since(host: Host, container: str, moment: str) -> str:
    """What a container printed on both of its outputs."""
    command = host.command("docker", "logs", "--since", moment, container)
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=60
    ).stdout


def now(host: Host) -> str:
    return host.run("date", "--utc", "+%Y-%m-%dT%H:%M:%S.%NZ").strip()


@pytest.mark.long
def test_containers_are_stopped_cleanly_and_are_the_same_afterwards(
    host: Host, deployment: Deployment, containers: list[str]
) -> None:
    """Older first, then newer again, over an installation that was cut."""
    before, version = ids(host), str(deployment.config["auren:dockerVersion"])
    assert engine(host).startswith(version)
    for wanted in (OLDER, version):
        moment = now(host)
        # What dpkg leaves behind when it is killed.
        host.run("touch", "/var/lib/dpkg/updates/0001")
        deployment.configure(dockerVersion=wanted)
        said = deployment.up()
        assert "Docker's release changes: stopping the containers." in said
        assert "An installation was cut before: completing it." in said
        assert engine(host).startswith(wanted)
        host.wait_until_healthy(containers, 60)
        assert ids(host) == before, "no container was made anew"
        postgres, redis = (said_since(host, f"auren-{name}", moment) for name in ("postgres", "redis"))
        assert "database system was shut down at" in postgres
        assert "interrupted" not in postgres
        assert "Redis is now ready to exit, bye bye..." in redis
        assert drift() == (0, RIGHT)
    assert deployment.planned() == {}


def test_a_mirror_that_does_not_answer_is_told_and_nothing_is_stopped(host: Host, containers: list[str]) -> None:
    before = {name: host.started_at(name) for name in containers}
    script = (layout.PROJECT / "auren_infra/host/scripts/docker_engine.sh").read_text()
    impatient = script.replace("patience=600 ", "patience=5 ")
    assert impatient != script
    host.run("sh", "-c", "cp /etc/hosts /etc/hosts.kept && echo 192.0.2.1 deb.debian.org >>/etc/hosts")
    host.run("ip", "route", "add", "unreachable", "192.0.2.1")
    try:
        daemon = host.run("cat", "/etc/docker/daemon.json")
        done = subprocess.run(
            host.command("bash", "-s", "--", "distribution", "docker.io=26.1"),
            input=impatient + daemon,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        host.run("ip", "route", "del", "unreachable", "192.0.2.1")
        host.run("sh", "-c", "cat /etc/hosts.kept >/etc/hosts && rm /etc/hosts.kept")
    assert done.returncode == 1
    assert done.stderr.startswith("The package lists could not be updated, so nothing was installed.")
    assert "192.0.2.1" in done.stderr, "apt-get's own words"
    assert {name: host.started_at(name) for name in containers} == before
    assert drift() == (0, RIGHT)
