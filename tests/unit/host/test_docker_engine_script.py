"""docker_engine.sh: which package is installed, and when nothing is touched."""

import pytest

from auren_infra.files.render import docker_daemon
from tests.unit.host.bench import Bench

UBUNTU_DOCKER_CE = """\
 docker-ce | 5:27.1.1-1~ubuntu.22.04~jammy | https://download.docker.com/linux/ubuntu jammy/stable amd64 Packages
 docker-ce | 5:26.1.4-1~ubuntu.22.04~jammy | https://download.docker.com/linux/ubuntu jammy/stable amd64 Packages
 docker-ce | 5:24.0.9-1~ubuntu.22.04~jammy | https://download.docker.com/linux/ubuntu jammy/stable amd64 Packages
 docker-ce | 5:24.0.8-1~ubuntu.22.04~jammy | https://download.docker.com/linux/ubuntu jammy/stable amd64 Packages
 docker-ce | 5:20.10.24~3-0~ubuntu-jammy | https://download.docker.com/linux/ubuntu jammy/stable amd64 Packages
"""
UBUNTU = """\
 docker.io | 24.0.7-0ubuntu2~22.04.1 | http://archive.ubuntu.com/ubuntu jammy-updates/universe amd64 Packages
 docker.io | 20.10.12-0ubuntu4 | http://archive.ubuntu.com/ubuntu jammy/universe amd64 Packages
"""
DEBIAN = """\
 docker.io | 26.1.5+dfsg1-9+b4 | http://deb.debian.org/debian trixie/main amd64 Packages
"""

APT_GET = r"""
case "$*" in
*update)
    if [ -s "$state/locked" ]; then
        sed -i 1d "$state/locked"
        echo "E: Could not get lock /var/lib/apt/lists/lock"
        exit 100
    fi ;;
*install*docker*)
    if [ -e "$state/refused" ]; then
        cat "$state/refused"
        exit 100
    fi
    for program in ufw iptables-restore logrotate; do install -m 0755 "$0" "${0%/*}/$program"; done
    tr ' ' '\n' <<<"$*" | sed -nE 's/^docker[^=]*=([0-9]+:)?([0-9.]+).*/\2/p' >"$state/running" ;;
esac
"""
"""What is locked, refused and running is in files of these names."""

BESIDE = ["iptables", "ufw", "logrotate"]

DOCKER = r"""
case "$*" in
"version --format {{.Server.Version}}") cat "$state/running" ;;
"version --format Docker Engine "*) echo "Docker Engine $(cat "$state/running")" ;;
"version") cat "$state/running" ;;
"compose version") echo "Docker Compose version 2.29.1" ;;
*) exit 98 ;;
esac
"""


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """Ubuntu 22.04 as it comes, without Docker; `offered` is what `apt-cache madison` knows."""
    bench.path("/etc/os-release").write_text("ID=ubuntu\nVERSION_CODENAME=jammy\n")
    bench.path("/etc/apt/sources.list.d").mkdir(parents=True)
    bench.stub("apt-get", APT_GET)
    bench.stub("apt-cache", '[ "$1" = madison ] && grep "^ $2 | " "$state/offered" || true')
    bench.stub("apt-mark")
    bench.stub("dpkg", "echo amd64")
    bench.stub("curl", 'echo "the key" >"${@: -1}"')
    bench.stub("docker", DOCKER)
    bench.stub("dockerd", 'if grep -q wrong "${@: -1}"; then echo "unable to configure" >&2; exit 1; fi')
    bench.stub("systemctl")
    return bench


def _offer(machine: Bench, *packages: str) -> None:
    machine.state("offered", "".join(packages))


def _installed(machine: Bench) -> list[str]:
    """What the last `apt-get install` with Docker was asked for."""
    (call,) = [call for call in machine.calls("apt-get") if "install" in call and "docker" in call]
    return call.split(" install ")[1].split()


def _line(package: str) -> str:
    return f" {package} | 1.0 | http://archive.ubuntu.com/ubuntu jammy/universe amd64 Packages\n"


def test_docker_comes_from_its_own_repository_pinned_and_held(machine: Bench) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    done = machine.run("docker_engine", "docker", "24.0", data=docker_daemon())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Docker Engine 24.0.9\n")
    packages = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"]
    assert _installed(machine) == ["docker-ce=5:24.0.9-1~ubuntu.22.04~jammy", *packages[1:], *BESIDE]
    assert machine.calls("apt-mark")[-1] == f"apt-mark hold {' '.join(packages)}", "or an upgrade moves it"
    source = machine.path("/etc/apt/sources.list.d/docker.list").read_text()
    key = machine.path("/etc/apt/keyrings/docker.asc")
    assert source == (f"deb [arch=amd64 signed-by={key}] https://download.docker.com/linux/ubuntu jammy stable\n")
    assert key.read_text() == "the key\n"


@pytest.mark.parametrize(
    ("version", "package"),
    [
        ("27", "5:27.1.1-1~ubuntu.22.04~jammy"),
        ("24", "5:24.0.9-1~ubuntu.22.04~jammy"),
        ("24.0", "5:24.0.9-1~ubuntu.22.04~jammy"),
        ("24.0.8", "5:24.0.8-1~ubuntu.22.04~jammy"),
        ("26.1", "5:26.1.4-1~ubuntu.22.04~jammy"),
    ],
)
def test_the_newest_package_of_the_pinned_version_is_taken(machine: Bench, version: str, package: str) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    assert machine.run("docker_engine", "docker", version, data=docker_daemon()).returncode == 0
    assert _installed(machine)[0] == f"docker-ce={package}"


@pytest.mark.parametrize(
    ("offered", "version", "packages"),
    [
        (
            UBUNTU + _line("docker-compose-v2") + _line("docker-compose"),
            "24.0",
            ["docker.io=24.0.7-0ubuntu2~22.04.1", "docker-compose-v2"],
        ),
        (UBUNTU + _line("docker-compose-v2"), "24.0.7", ["docker.io=24.0.7-0ubuntu2~22.04.1", "docker-compose-v2"]),
        (
            DEBIAN + _line("docker-cli") + _line("docker-compose"),
            "26.1",
            ["docker.io=26.1.5+dfsg1-9+b4", "docker-cli", "docker-compose"],
        ),
        (
            DEBIAN + _line("docker-cli") + _line("docker-compose"),
            "26.1.5",
            ["docker.io=26.1.5+dfsg1-9+b4", "docker-cli", "docker-compose"],
        ),
    ],
    ids=["Ubuntu", "Ubuntu, exact", "Debian", "Debian, exact"],
)
def test_the_distributions_docker_has_compose_v2_under_the_name_it_has_there(
    machine: Bench, offered: str, version: str, packages: list[str]
) -> None:
    """`docker-compose` is the old Python program on Ubuntu and Compose V2 on Debian."""
    _offer(machine, offered)
    done = machine.run("docker_engine", "distribution", version, data=docker_daemon())
    assert (done.returncode, done.stderr) == (0, "")
    assert _installed(machine) == packages + BESIDE
    assert machine.calls("curl") == [], "nothing is fetched from elsewhere"
    assert not machine.path("/etc/apt/sources.list.d/docker.list").exists()


@pytest.mark.parametrize("version", ["2", "24.1", "7.1", "4.0", "24.0.90"])
def test_a_version_that_is_not_there_is_told_with_those_that_are(machine: Bench, version: str) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    done = machine.run("docker_engine", "docker", version, data=docker_daemon())
    assert done.returncode == 1
    assert f"There is no docker-ce {version} for this system. There is:\n  5:27.1.1-1~ubuntu" in done.stderr
    assert "Set auren:dockerVersion to the beginning of one of them, or change auren:dockerSource." in done.stderr
    assert not [call for call in machine.calls("apt-get") if "docker" in call]


def test_a_second_run_installs_and_restarts_nothing(machine: Bench) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.run("docker_engine", "docker", "24.0", data=docker_daemon())
    machine.forget_calls()
    assert machine.run("docker_engine", "docker", "24.0", data=docker_daemon()).returncode == 0
    assert machine.calls("apt", "curl", "dockerd") == []
    assert machine.calls("systemctl restart") == []


@pytest.mark.parametrize("program", ["ufw", "iptables-restore", "logrotate"])
def test_a_docker_that_is_there_already_does_not_hide_what_is_missing_beside_it(machine: Bench, program: str) -> None:
    """A machine that was set up before it was needed has Docker alone."""
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.run("docker_engine", "docker", "24.0", data=docker_daemon())
    machine.forget_calls()
    (machine.root / "bin" / program).unlink()
    assert machine.run("docker_engine", "docker", "24.0", data=docker_daemon()).returncode == 0
    assert _installed(machine)[-3:] == BESIDE
    assert machine.calls("systemctl restart") == []


@pytest.mark.parametrize(("version", "installs"), [("24.0", False), ("24", False), ("24.0.9", False), ("26.1", True)])
def test_another_pin_installs_another_package(machine: Bench, version: str, installs: bool) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.run("docker_engine", "docker", "24.0", data=docker_daemon())
    machine.forget_calls()
    assert machine.run("docker_engine", "docker", version, data=docker_daemon()).returncode == 0
    assert bool(machine.calls("apt-get")) is installs
    if installs:
        assert any("--allow-downgrades" in call for call in machine.calls("apt-get")), "the pin may go down as well"
        assert machine.calls("apt-mark")[0].startswith("apt-mark unhold docker-ce ")


def test_changed_daemon_settings_restart_the_daemon(machine: Bench) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.run("docker_engine", "docker", "24.0", data="{}\n")
    machine.forget_calls()
    assert machine.run("docker_engine", "docker", "24.0", data=docker_daemon()).returncode == 0
    assert machine.calls("systemctl restart") == ["systemctl restart docker"]
    assert machine.path("/etc/docker/daemon.json").read_text() == docker_daemon()


def test_daemon_settings_that_docker_refuses_never_count(machine: Bench) -> None:
    """A daemon that does not come back takes every container with it at the next boot."""
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.run("docker_engine", "docker", "24.0", data=docker_daemon())
    machine.forget_calls()
    done = machine.run("docker_engine", "docker", "24.0", data='{"wrong": true}\n')
    assert done.returncode != 0
    assert "unable to configure" in done.stderr
    assert machine.path("/etc/docker/daemon.json").read_text() == docker_daemon()
    assert machine.calls("systemctl restart") == []


def test_a_lock_that_the_first_boot_holds_is_waited_for(machine: Bench) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.state("locked", "once\ntwice")
    assert machine.run("docker_engine", "docker", "24.0", data=docker_daemon()).returncode == 0
    assert machine.calls("sleep") == ["sleep 10", "sleep 10"]


def test_the_wait_for_a_lock_has_an_end(machine: Bench) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.state("locked", "again\n" * 100)
    done = machine.run("docker_engine", "docker", "24.0", data=docker_daemon())
    assert done.returncode != 0
    assert "Could not get lock" in done.stderr
    assert len(machine.calls("sleep")) < 60


def test_an_error_that_waiting_does_not_mend_is_told_at_once(machine: Bench) -> None:
    _offer(machine, UBUNTU_DOCKER_CE)
    machine.state("refused", "E: You don't have enough free space in /var/cache/apt/archives/.")
    done = machine.run("docker_engine", "docker", "24.0", data=docker_daemon())
    assert done.returncode != 0
    assert "enough free space" in done.stderr
    assert machine.calls("sleep") == []
