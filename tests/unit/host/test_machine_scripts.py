"""The short scripts: the first boot, the network, and services that are no more."""

import pytest

from tests.unit.host.bench import Bench


@pytest.mark.parametrize(("status", "ready"), [(0, True), (2, True), (1, False), (124, False)])
def test_the_first_boot_is_over_when_cloud_init_says_so(bench: Bench, status: int, ready: bool) -> None:
    """Its 2 is "done, with a recoverable error"; 124 is `timeout`'s own."""
    bench.stub("cloud-init", f"echo 'status: whatever'; exit {status}")
    done = bench.run("wait_ready", "600")
    assert (done.returncode == 0) is ready
    assert bench.calls("cloud-init") == ["cloud-init status --wait"]
    if ready:
        assert bench.path("/opt/auren/secrets").stat().st_mode & 0o777 == 0o700
        assert bench.path("/root/.ssh").stat().st_mode & 0o777 == 0o700
    else:
        assert "status: whatever" in done.stderr
        assert "On the machine: cloud-init status --long" in done.stderr


def test_the_wait_for_the_first_boot_has_an_end(bench: Bench) -> None:
    bench.stub("cloud-init", "tail -f /dev/null")
    done = bench.run("wait_ready", "0.3")
    assert done.returncode == 1
    assert "The first boot was not over after 0.3 s" in done.stderr


NETWORK = r"""
case "$*" in
"network inspect "*) [ -e "$state/network" ] && cat "$state/network" ;;
"network create "*) ;;
*) exit 98 ;;
esac
"""


def test_the_network_is_made_once(bench: Bench) -> None:
    bench.stub("docker", NETWORK)
    assert bench.run("docker_network", "auren-network", "172.18.0.0/16").returncode == 0
    made = ["docker network create --driver bridge --subnet 172.18.0.0/16 auren-network"]
    assert bench.calls("docker network create") == made
    bench.state("network", "bridge 172.18.0.0/16")
    assert bench.run("docker_network", "auren-network", "172.18.0.0/16").returncode == 0
    assert bench.calls("docker network create") == made


def test_a_network_of_another_shape_is_left_and_told_about(bench: Bench) -> None:
    """Containers have fixed addresses: on another subnet none of them would start."""
    bench.stub("docker", NETWORK)
    bench.state("network", "bridge 172.20.0.0/16")
    done = bench.run("docker_network", "auren-network", "172.18.0.0/16")
    assert done.returncode == 1
    assert "auren-network is there already, but as: bridge 172.20.0.0/16. Nothing was changed." in done.stderr
    assert "docker network rm auren-network" in done.stderr
    assert bench.calls("docker network create") == []


RETIRE = r"""
case "$*" in
"ps --all --filter label=com.docker.compose.project=auren "*) cat "$state/containers" ;;
"stop "* | "rm "*) cat >/dev/null </dev/null ;;
*) exit 98 ;;
esac
"""


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """Three containers of the project, one of a service that is no more, with what is noted of it."""
    bench.stub("docker", RETIRE)
    bench.state("containers", "c1 nginx\nc2 kafka\nc3 api")
    started = bench.path("/var/lib/auren/started")
    started.mkdir()
    for name in ("kafka", "kafka.yml", "kafka.log", "kafka-ui", "kafka-ui.yml", "nginx", "nginx.yml"):
        (started / name).touch()
    return bench


def test_a_service_that_is_no_more_is_stopped_and_removed(machine: Bench) -> None:
    done = machine.run("retire", data="nginx\napi\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "kafka is no longer among the services: its container was removed\n"
    assert machine.calls("docker stop", "docker rm") == ["docker stop --time 60 c2", "docker rm c2"]
    assert "volume" not in " ".join(machine.calls()), "its data stays"


def test_a_retired_services_notes_go_and_its_namesakes_stay(machine: Bench) -> None:
    """Were they left, the service could not be taken up again: it would count as started."""
    machine.run("retire", data="nginx\napi\n")
    left = sorted(path.name for path in machine.path("/var/lib/auren/started").iterdir())
    assert left == ["kafka-ui", "kafka-ui.yml", "nginx", "nginx.yml"]


def test_services_that_are_wanted_are_left_alone(machine: Bench) -> None:
    done = machine.run("retire", data="nginx\nkafka\napi\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert machine.calls("docker stop", "docker rm") == []


def test_a_name_that_another_begins_with_is_not_taken_for_it(machine: Bench) -> None:
    machine.run("retire", data="nginx\nkafka-ui\napi-gateway\napi\n")
    assert machine.calls("docker rm") == ["docker rm c2"]


def test_a_machine_without_containers_has_none_to_retire(bench: Bench) -> None:
    bench.stub("docker", RETIRE)
    (bench.root / "state/containers").touch()
    assert bench.run("retire", data="nginx\n").returncode == 0
