"""docker_engine.sh: which packages are installed, and what is said when they cannot be."""

import re

import pytest

from auren_infra.files.render import docker_daemon
from auren_infra.settings import DockerSource, docker
from tests.unit.host.bench import Bench
from tests.unit.host.docker_machine import (
    BESIDE,
    BOOKWORM,
    DOCKER_CE,
    FORKY,
    TRIXIE,
    UBUNTU,
    arguments,
    installed,
    offer,
    prepared,
    refused,
    run,
)


@pytest.fixture
def machine(bench: Bench) -> Bench:
    return prepared(bench)


def test_the_whole_set_comes_from_dockers_repository_pinned_and_held(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    assert run(machine, "29.8").startswith("Docker Engine 29.8.2\n")
    assert installed(machine) == [
        "docker-ce=5:29.8.2-2~ubuntu.22.04~jammy",
        "docker-ce-cli=5:29.8.2-1~ubuntu.22.04~jammy",
        "containerd.io=2.3.6-1~ubuntu.22.04~jammy",
        "docker-compose-plugin=5.6.0-1~ubuntu.22.04~jammy",
        *BESIDE,
    ], "never the newest of the day"
    assert machine.calls("apt-mark")[-1] == "apt-mark hold docker-ce docker-ce-cli containerd.io docker-compose-plugin"
    source = machine.path("/etc/apt/sources.list.d/docker.list").read_text()
    key = machine.path("/etc/apt/keyrings/docker.asc")
    assert source == (f"deb [arch=amd64 signed-by={key}] https://download.docker.com/linux/ubuntu jammy stable\n")
    assert key.read_text() == "the key\n"


@pytest.mark.parametrize("release", docker.RELEASES, ids=lambda release: release.engine)
def test_every_pinned_set_is_found_among_newer_and_older_packages(
    machine: Bench, release: docker.DockerRelease
) -> None:
    offer(machine, DOCKER_CE)
    run(machine, release.engine)
    upstream = [re.sub(r"=(?:\d+:)?([0-9.]+)-.*", r"=\1", package) for package in installed(machine)[:4]]
    assert upstream == list(docker.packages(DockerSource.DOCKER, release.engine))


@pytest.mark.parametrize(
    ("offered", "version", "packages"),
    [
        (
            UBUNTU,
            "27.5",
            (
                "docker.io=27.5.1-0ubuntu3~22.04.2 containerd=1.7.27-0ubuntu1~22.04.1 runc=1.2.5-0ubuntu1~22.04.1 "
                "docker-compose-v2=2.33.0+ds1-0ubuntu1~22.04.1"
            ),
        ),
        (
            TRIXIE,
            "26.1.5",
            (
                "docker.io=26.1.5+dfsg1-9+b4 docker-cli=26.1.5+dfsg1-9+b4 containerd=1.7.24~ds1-6+deb13u1 "
                "runc=1.1.15+ds1-2+b4 docker-compose=2.26.1-4"
            ),
        ),
        (
            FORKY + TRIXIE,
            "26",
            (
                "docker.io=26.1.5+dfsg1-9+b4 docker-cli=26.1.5+dfsg1-9+b4 containerd=1.7.24~ds1-6+deb13u1 "
                "runc=1.1.15+ds1-2+b4 docker-compose=2.26.1-4"
            ),
        ),
        (
            FORKY + TRIXIE,
            "28.5",
            (
                "docker.io=28.5.2+dfsg4-5 docker-cli=28.5.2+dfsg4-5 containerd=2.1.9+ds1-5 runc=1.3.6+ds1-1 "
                "docker-compose=2.40.3-3"
            ),
        ),
    ],
    ids=["Ubuntu", "Debian", "Debian with packages of a newer release", "Debian, from the newer release"],
)
def test_a_distributions_set_is_of_one_release_of_it(machine: Bench, offered: str, version: str, packages: str) -> None:
    """`docker-compose` is the old Python program on Ubuntu and Compose V2 on Debian."""
    offer(machine, offered)
    machine.path("/etc/apt/sources.list.d/docker.list").write_text("from before auren:dockerSource changed\n")
    run(machine, version, DockerSource.DISTRIBUTION)
    assert installed(machine) == packages.split() + BESIDE
    held = " ".join(package.partition("=")[0] for package in packages.split())
    assert machine.calls("apt-mark")[-1] == f"apt-mark hold {held}"
    assert machine.calls("curl") == [], "nothing is fetched from elsewhere"
    assert not machine.path("/etc/apt/sources.list.d/docker.list").exists()


def test_a_distribution_without_compose_v2_is_refused(machine: Bench) -> None:
    offer(machine, BOOKWORM)
    said = refused(machine, "distribution", "docker.io=20.10")
    assert said == "The packages of this system have no Compose V2. Set auren:dockerSource to docker.\n"
    assert installed(machine) == []


@pytest.mark.parametrize("version", ["2", "27", "8.5", "29.9", "29.8.200"])
def test_a_version_that_is_not_there_is_told_with_those_that_are(machine: Bench, version: str) -> None:
    offer(machine, DOCKER_CE)
    said = refused(machine, "docker", f"docker-ce={version}", "docker-ce-cli=29.8.2")
    assert f"There is no docker-ce {version} for this system. There is:\n  5:29.8.20-1~ubuntu" in said
    assert "Set auren:dockerVersion to a release that there is, or change auren:dockerSource." in said
    assert not [call for call in machine.calls("apt-get") if "docker" in call]


def test_a_package_that_is_missing_from_the_set_is_told(machine: Bench) -> None:
    offer(machine, DOCKER_CE.replace(" containerd.io | 2.3.6-1", " containerd.io | 2.3.5-1"))
    said = refused(machine, *arguments("29.8"))
    assert "There is no containerd.io 2.3.6 for this system. There is:\n  2.3.7-1~ubuntu" in said
    assert installed(machine) == []


def test_a_second_run_installs_and_restarts_nothing(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "29.8")
    machine.forget_calls()
    run(machine, "29.8")
    assert machine.calls("apt-get", "apt-cache", "curl", "dockerd", "docker stop", "docker start") == []
    assert machine.calls("systemctl restart", "systemctl stop") == []


@pytest.mark.parametrize("program", ["ufw", "iptables-restore", "logrotate", "unattended-upgrade"])
def test_a_docker_that_is_there_already_does_not_hide_what_is_missing_beside_it(machine: Bench, program: str) -> None:
    """A machine that was set up before it was needed has Docker alone."""
    offer(machine, DOCKER_CE)
    run(machine, "29.8")
    machine.forget_calls()
    (machine.root / "bin" / program).unlink()
    run(machine, "29.8")
    assert installed(machine)[-4:] == BESIDE
    assert machine.calls("systemctl stop") == []


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("docker-ce-cli", "5:29.8.20-1~ubuntu.22.04~jammy"),
        ("containerd.io", "2.3.7-1~ubuntu.22.04~jammy"),
        ("docker-compose-plugin", "5.7.0-1~ubuntu.22.04~jammy"),
    ],
)
def test_a_package_of_the_set_that_was_changed_by_hand_is_put_right(machine: Bench, package: str, version: str) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "29.8")
    path = machine.root / "state" / "packages"
    before = sorted(path.read_text().splitlines())
    path.write_text(re.sub(f"^{package} .*$", f"{package} {version}", path.read_text(), flags=re.MULTILINE))
    run(machine, "29.8")
    assert sorted(path.read_text().splitlines()) == before
    assert "--allow-downgrades" in machine.calls("apt-get")[-1]


def test_a_package_of_a_distribution_that_somebody_released_is_held_again(machine: Bench) -> None:
    """Not only the engine, which alone was asked for."""
    offer(machine, TRIXIE)
    run(machine, "26.1", DockerSource.DISTRIBUTION)
    machine.state("held", "docker.io\ndocker-cli\ncontainerd\ndocker-compose")
    machine.forget_calls()
    run(machine, "26.1", DockerSource.DISTRIBUTION)
    assert machine.calls("apt-mark hold") == ["apt-mark hold runc"]
    assert machine.calls("apt-get") == []


def test_a_package_that_somebody_released_is_held_again(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "29.8")
    machine.state("held", "docker-ce\ndocker-ce-cli\ndocker-compose-plugin")
    run(machine, "29.8")
    assert machine.calls("apt-mark")[-1] == "apt-mark hold containerd.io"


def test_changed_daemon_settings_restart_the_daemon(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    run(machine, "29.8", data="{}\n")
    machine.forget_calls()
    run(machine, "29.8")
    assert machine.calls("systemctl restart") == ["systemctl restart docker"]
    assert machine.path("/etc/docker/daemon.json").read_text() == docker_daemon()


def test_daemon_settings_that_docker_refuses_never_count(machine: Bench) -> None:
    """A daemon that does not come back takes every container with it at the next boot."""
    offer(machine, DOCKER_CE)
    run(machine, "29.8")
    machine.forget_calls()
    assert "unable to configure" in refused(machine, *arguments("29.8"), data='{"wrong": true}\n')
    assert machine.path("/etc/docker/daemon.json").read_text() == docker_daemon()
    assert machine.calls("systemctl restart") == []


def test_a_lock_that_the_first_boot_holds_is_waited_for(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    machine.state("locked", "once\ntwice")
    said = run(machine, "29.8")
    assert machine.calls("sleep") == ["sleep 10", "sleep 10"]
    assert said.startswith("Waiting: E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812")


def test_the_wait_for_a_lock_has_an_end_and_says_who_holds_it(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    machine.state("locked", "again\n" * 100)
    said = refused(machine, *arguments("29.8"))
    assert said.startswith("Another program holds the package lock of the machine, for more than 10 minutes.")
    assert "  E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (unattended-upgr)\n" in said
    assert 10 < len(machine.calls("sleep")) <= 60


UNREACHABLE = [
    "  Cannot initiate the connection to deb.debian.org:80 (192.0.2.1). - connect (101: Network is unreachable)",
    "W: Failed to fetch http://deb.debian.org/dists/x/InRelease  Temporary failure resolving 'deb.debian.org'",
    "E: Failed to fetch http://deb.debian.org/x  Could not connect to deb.debian.org:80, connection timed out",
    "E: Failed to fetch http://deb.debian.org/dists/x/InRelease  503  Service Unavailable [IP: 198.51.100.7 80]",
    "E: Failed to fetch http://deb.debian.org/x  File has unexpected size (2 != 3). Mirror sync in progress?",
    "E: Release file for http://deb.debian.org/InRelease is not valid yet (invalid for another 2h 5min 11s).",
    "E: Failed to fetch http://deb.debian.org/x  Error reading from server. Remote end closed connection",
]


@pytest.mark.parametrize("said", UNREACHABLE)
def test_a_mirror_that_cannot_be_reached_is_waited_for_and_told(machine: Bench, said: str) -> None:
    machine.state("unreachable", said)
    told = refused(machine, *arguments("29.8"))
    assert told.startswith(
        "The package lists could not be updated, so nothing was installed. What ran before still runs."
    )
    assert f"apt-get said:\n  {said}\n" in told
    assert "There is no docker-ce" not in told, "what a mirror has is not known"
    assert 10 < len(machine.calls("sleep")) <= 60
    assert "--error-on=any" in machine.calls("apt-get")[0], "without it, apt-get ends well"


def test_a_fault_of_a_package_source_that_waiting_does_not_mend_is_told_at_once(machine: Bench) -> None:
    machine.state("unreachable", "E: The repository 'https://example.org noble Release' does not have a Release file.")
    assert "does not have a Release file" in refused(machine, *arguments("29.8"))
    assert machine.calls("sleep") == []


def test_dockers_key_that_cannot_be_fetched_is_told(machine: Bench) -> None:
    machine.state("no-key", "yes")
    said = refused(machine, *arguments("29.8"))
    assert (
        "The key of Docker's package repository could not be fetched from https://download.docker.com/linux/u" in said
    )


@pytest.mark.parametrize(
    ("name", "apt_says"),
    [
        ("interrupted", "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem."),
        ("broken", "E: Unmet dependencies. Try 'apt --fix-broken install' with no packages (or specify a solution)."),
    ],
)
def test_an_installation_that_was_cut_is_completed(machine: Bench, name: str, apt_says: str) -> None:
    offer(machine, DOCKER_CE)
    machine.state(name, apt_says)
    assert "An installation was cut before: completing it.\n" in run(machine, "29.8")
    assert "docker-ce=5:29.8.2-2~ubuntu.22.04~jammy" in installed(machine)
    assert machine.calls("sleep") == []


def test_an_installation_that_cannot_be_completed_is_told(machine: Bench) -> None:
    offer(machine, DOCKER_CE)
    machine.stub("dpkg", 'case "$*" in --print-architecture) echo amd64 ;; esac')
    machine.state("interrupted", "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'")
    said = refused(machine, *arguments("29.8"))
    assert "The packages could not be installed.\napt-get said:\n  E: dpkg was interrupted" in said


def test_nothing_asks_a_question(machine: Bench) -> None:
    """A package that asked about a changed file of its own would read the script's own input."""
    offer(machine, DOCKER_CE)
    run(machine, "29.8")
    for call in machine.calls("apt-get"):
        assert " -y " in call
        assert "--force-confold" in call
