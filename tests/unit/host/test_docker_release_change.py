"""docker_engine.sh: what becomes of the containers when Docker is changed."""

import re

import pytest

from auren_infra.files.render import docker_daemon
from auren_infra.settings import DockerSource
from tests.unit.host.bench import Bench
from tests.unit.host.docker_machine import (
    APT_GET,
    DOCKER_CE,
    FORKY,
    arguments,
    installed,
    offer,
    prepared,
    refused,
    run,
    running,
)


@pytest.fixture
def machine(bench: Bench) -> Bench:
    return prepared(bench)


def test_another_minor_version_keeps_the_containers_running(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    newer = ("docker-ce=29.8.20", "docker-ce-cli=29.8.20", "containerd.io=2.3.7")
    machine.run("docker_engine", "docker", *newer, data=docker_daemon())
    running(machine, "auren-redis")
    machine.forget_calls()
    run(machine, "29.8.2")
    assert machine.calls("systemctl") == [
        "systemctl restart containerd docker",
        "systemctl enable --quiet docker",
    ], "packages restart their daemons or not"
    assert machine.calls("docker stop", "docker start") == []


@pytest.mark.parametrize(("old", "new"), [("28.5", "29.8"), ("29.8", "28.5"), ("24.0", "29.8")])
def test_another_release_stops_the_containers_first_and_waits_for_them_afterwards(
    machine: Bench, old: str, new: str
) -> None:
    offer(machine, DOCKER_CE)
    run(machine, old)
    running(machine, "auren-redis", "auren-nginx")
    machine.forget_calls()
    said = run(machine, new)
    assert "Docker's release changes: stopping the containers.\n" in said
    steps = [
        call for call in machine.calls() if call.startswith(("apt-get", "systemctl", "docker start", "docker ins"))
    ]
    order = [
        next(number for number, step in enumerate(steps) if re.search(pattern, step))
        for pattern in (
            "download-only",
            "systemctl stop auren",
            "apt-get (?!.*download-only).* install docker-ce",
            "systemctl restart containerd docker",
            "docker start auren-nginx",
            "systemctl start auren",
            "docker inspect .* auren-nginx",
        )
    ]
    assert order == sorted(order), steps
    assert not machine.path("/var/lib/auren/docker_engine.stopped").exists()


def test_another_release_of_containerd_alone_stops_the_containers_as_well(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "29.8")
    running(machine, "auren-redis")
    machine.forget_calls()
    arguments = ("docker-ce=29.8.2", "docker-ce-cli=29.8.2", "containerd.io=1.7.29", "docker-compose-plugin=5.6.0")
    assert machine.run("docker_engine", "docker", *arguments, data=docker_daemon()).returncode == 0
    assert machine.calls("systemctl stop") == ["systemctl stop auren"]


def test_another_source_stops_the_containers_as_well(machine: Bench) -> None:
    offer(machine, DOCKER_CE + FORKY)
    run(machine, "28.5", DockerSource.DISTRIBUTION)
    running(machine, "auren-redis")
    machine.forget_calls()
    run(machine, "28.5")
    assert machine.calls("systemctl stop") == ["systemctl stop auren"]
    assert any("--allow-change-held-packages" in call for call in machine.calls("apt-get"))


def test_containers_that_run_while_their_unit_is_stopped_are_stopped_too(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "28.5")
    running(machine, "auren-redis")
    machine.state("left-running", "4711\n0815")
    run(machine, "29.8")
    assert machine.calls("docker stop") == ["docker stop --time 60 4711 0815"]


def test_a_container_that_does_not_come_back_is_told_with_its_last_lines(machine: Bench) -> None:
    """Its own command, which runs after this one, makes it anew, or fails."""
    offer(machine, DOCKER_CE)
    run(machine, "28.5")
    running(machine, "auren-redis", "auren-nginx")
    (machine.root / "state" / "containers").write_text("auren-redis\n")
    said = run(machine, "29.8")
    assert "auren-nginx is not healthy 300 s after the change of Docker's release. Its last lines:\n" in said
    assert "  the last words of auren-nginx\n" in said
    assert "auren-redis is" not in said


def test_a_container_that_docker_lost_is_told(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "28.5")
    running(machine, "auren-redis")
    machine.state("lost", "auren-redis")
    assert "auren-redis is not healthy" in run(machine, "29.8")


@pytest.mark.parametrize("cut", ["before the packages changed", "after they changed"])
def test_a_change_that_was_cut_is_brought_to_its_end(machine: Bench, cut: str) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "28.5")
    running(machine, "auren-redis")
    if cut == "after they changed":
        run(machine, "29.8")
    machine.path("/var/lib/auren/docker_engine.stopped").write_text("auren-redis\n")
    (machine.root / "state" / "healthy").write_text("")
    machine.forget_calls()
    run(machine, "29.8")
    assert machine.calls("docker start", "systemctl start") == ["docker start auren-redis", "systemctl start auren"]
    assert not machine.path("/var/lib/auren/docker_engine.stopped").exists()


def test_what_ran_before_is_started_again_when_the_packages_cannot_change(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "28.5")
    running(machine, "auren-redis")
    machine.forget_calls()
    # Downloaded they are, and then the disk is full.
    machine.stub("apt-get", APT_GET.replace("case", 'case "$*" in *--download-only*) exit 0 ;; esac\ncase', 1))
    machine.state("refused", "dpkg: error processing archive: no space left on device")
    said = refused(machine, *arguments("29.8"))
    assert (
        "The packages could not be installed.\napt-get said:\n  dpkg: error processing archive: no space left" in said
    )
    assert machine.calls("systemctl stop", "systemctl start") == [
        "systemctl stop auren",
        "systemctl start docker auren",
    ]


def test_nothing_is_stopped_while_a_package_cannot_be_downloaded(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "28.5")
    running(machine, "auren-redis")
    machine.forget_calls()
    machine.state("refused", "E: You don't have enough free space in /var/cache/apt/archives/.")
    assert "enough free space" in refused(machine, *arguments("29.8"))
    assert machine.calls("systemctl") == []
    assert machine.calls("sleep") == [], "waiting does not help"


def test_containers_that_cannot_be_stopped_cleanly_stop_the_change(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "28.5")
    running(machine, "auren-redis")
    machine.state("silent", "yes")
    assert "Docker does not answer, so the containers cannot be stopped cleanly." in refused(
        machine, *arguments("29.8")
    )
    assert "docker-ce=5:28.5.2" in installed(machine)[0]
