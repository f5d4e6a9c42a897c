"""supervision.sh and watchdog.sh: what keeps containers running between deployments."""

import fcntl
import os
import shlex

import pytest

from auren_infra.host.machine import script
from tests.unit.host.bench import Bench
from tests.unit.rehearsal import Rehearsal

DOCKER = r"""
name="${@: -1}"
case "$*" in
"ps --all --filter label=com.docker.compose.project=auren "*) cat "$state/containers" ;;
"inspect --format {{if .State.Health}}"*) [ -e "$state/health-$name" ] && cat "$state/health-$name" ;;
"inspect --format {{index .Config.Labels \"auren.needs\"}} "*) cat "$state/needs-$name" ;;
"start "* | "restart "*) cat >/dev/null; [ ! -e "$state/refuses-$name" ] ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
"""Containers in a list, what they need and how they are. Whatever takes input reads all that it is given."""


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """The API with its two stores, all well, and a web server that needs the API."""
    bench.path("/run/lock").mkdir(parents=True)
    bench.stub("docker", DOCKER)
    bench.stub("systemctl", '[ ! -e "$state/docker-is-stopped" ]')
    _list(bench, nginx="running", api="running", postgres="running", redis="running")
    for service, needs in {"nginx": "api", "api": "postgres redis", "postgres": "", "redis": ""}.items():
        bench.state(f"needs-auren-{service}", needs)
        bench.state(f"health-auren-{service}", "healthy")
    return bench


def _list(machine: Bench, **states: str) -> None:
    machine.state("containers", "\n".join(f"auren-{service} {service} {state}" for service, state in states.items()))


def _look(machine: Bench) -> list[str]:
    """What the watchdog did."""
    done = machine.run("watchdog")
    assert (done.returncode, done.stderr) == (0, "")
    return machine.calls("docker start", "docker restart")


def test_what_is_well_is_left_alone(machine: Bench) -> None:
    assert _look(machine) == []


def test_what_does_not_run_is_started(machine: Bench) -> None:
    """Each of them: what starts the first must not read the list of the others."""
    _list(machine, nginx="exited", api="created", postgres="exited", redis="running")
    assert _look(machine) == ["docker start auren-nginx", "docker start auren-api", "docker start auren-postgres"]


@pytest.mark.parametrize("state", ["restarting", "paused", "removing", "dead"])
def test_what_docker_or_a_person_is_at_is_left_alone(machine: Bench, state: str) -> None:
    _list(machine, postgres=state, api="exited")
    assert _look(machine) == ["docker start auren-api"]


def test_one_that_does_not_start_does_not_hold_up_the_others(machine: Bench) -> None:
    _list(machine, api="exited", postgres="exited")
    machine.state("refuses-auren-api", "")
    assert _look(machine) == ["docker start auren-api", "docker start auren-postgres"]


def test_one_that_hangs_is_restarted(machine: Bench) -> None:
    machine.state("health-auren-api", "unhealthy")
    assert _look(machine) == ["docker restart --time 10 auren-api"]


@pytest.mark.parametrize("health", ["healthy", "starting", ""])
def test_one_that_may_yet_become_healthy_is_not(machine: Bench, health: str) -> None:
    machine.state("health-auren-api", health)
    assert _look(machine) == []


@pytest.mark.parametrize("health", ["unhealthy", "starting", ""])
def test_one_that_waits_for_another_is_not_restarted_for_it(machine: Bench, health: str) -> None:
    """It would lose what it holds in memory, and be no healthier."""
    machine.state("health-auren-api", "unhealthy")
    machine.state("health-auren-redis", health)
    assert "docker restart --time 10 auren-api" not in _look(machine)


def test_the_one_that_all_others_wait_for_is_restarted_alone(machine: Bench) -> None:
    for service in ("nginx", "api", "postgres"):
        machine.state(f"health-auren-{service}", "unhealthy")
    assert _look(machine) == ["docker restart --time 10 auren-postgres"]


def test_one_whose_need_is_gone_is_left_alone(machine: Bench) -> None:
    machine.state("health-auren-api", "unhealthy")
    (machine.root / "state/health-auren-postgres").unlink()
    assert _look(machine) == []


@pytest.mark.parametrize("health", ["healthy", "unhealthy"])
def test_one_that_a_deployment_works_on_is_left_alone(machine: Bench, update: Rehearsal, health: str) -> None:
    """Its command holds this very lock."""
    words = shlex.split(update.command("api").inputs["create"])
    lock = words[words.index("flock") + 3]
    _list(machine, api="exited" if health == "healthy" else "running", postgres="exited")
    machine.state("health-auren-api", health)
    with machine.path(lock).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert _look(machine) == ["docker start auren-postgres"]


def test_an_old_container_that_compose_has_renamed_is_left_alone(machine: Bench) -> None:
    machine.state("containers", "0f3a_auren-api api exited\nauren-api api running")
    assert _look(machine) == []


def test_a_machine_without_containers_has_nothing_to_watch(machine: Bench) -> None:
    (machine.root / "state/containers").write_text("")
    assert _look(machine) == []


def test_docker_is_not_started_by_being_asked(machine: Bench) -> None:
    """Its socket would start it, with a data disk that is away for instance."""
    machine.state("docker-is-stopped", "")
    assert _look(machine) == []
    assert machine.calls("docker") == []


WATCHDOG = "/usr/local/lib/auren/watchdog"


@pytest.fixture
def host(bench: Bench) -> Bench:
    bench.path("/etc/systemd/system").mkdir(parents=True)
    bench.stub("systemctl")
    return bench


def _unit(host: Bench, name: str) -> str:
    return host.path(f"/etc/systemd/system/{name}.service").read_text().replace(str(host.root), "")


def test_the_watchdog_is_put_there_as_it_is_and_runs(host: Bench) -> None:
    for _ in range(2):
        host.forget_calls()
        done = host.run("supervision", data=script("watchdog"))
        assert (done.returncode, done.stderr) == (0, "")
        assert host.path(WATCHDOG).read_text() == script("watchdog")
        assert os.access(host.path(WATCHDOG), os.X_OK)
        assert host.calls("systemctl") == [
            "systemctl daemon-reload",
            "systemctl enable --quiet auren auren-watchdog",
            "systemctl start auren",
            "systemctl restart auren-watchdog",
        ]
    assert f"do {WATCHDOG}; done'\n" in _unit(host, "auren-watchdog")
    assert sorted(path.name for path in host.path(WATCHDOG).parent.iterdir()) == ["watchdog"]


def test_containers_stop_before_docker_and_after_the_watchdog(host: Bench) -> None:
    """systemd stops in the reverse of the order that it starts in."""
    host.run("supervision", data=script("watchdog"))
    containers, watchdog = _unit(host, "auren"), _unit(host, "auren-watchdog")
    assert "After=docker.service " in containers
    assert "--file /opt/auren/docker-compose.prod.yml stop\n" in containers
    assert "After=auren.service\nPartOf=auren.service\n" in watchdog


def test_a_restart_of_docker_does_not_stop_the_containers(host: Bench) -> None:
    """They live through it; a unit that required Docker would be stopped with it."""
    host.run("supervision", data=script("watchdog"))
    for name in ("auren", "auren-watchdog"):
        for bond in ("Requires=", "BindsTo=", "PartOf=docker"):
            assert bond not in _unit(host, name)
