"""supervision.sh and watchdog.sh: what keeps containers running between deployments."""

import fcntl
import os
import shlex
import subprocess

import pytest

from auren_infra import bundle
from auren_infra.files import systemd
from auren_infra.host.machine import script
from tests.unit.host.bench import Bench
from tests.unit.rehearsal import Rehearsal

DOCKER = r"""
name="${@: -1}"
name="${name#id-of-}"
case "$*" in
"ps --all --no-trunc --filter label=com.docker.compose.project=auren "*) cat "$state/containers" ;;
"inspect --format {{if .State.Health}}"*) [ -e "$state/health-$name" ] && cat "$state/health-$name" ;;
"inspect --format {{index .Config.Labels \"auren.needs\"}} "*) cat "$state/needs-$name" ;;
"inspect --format {{.Config.StopTimeout}} "*) cat "$state/grace-$name" ;;
"inspect --format {{index .Config.Labels \"auren.release\"}} "*) cat "$state/made-$name" 2>/dev/null ;;
"compose "*" up --detach --no-deps "*)
    echo "$DOCKER_CONFIG" >"$state/logins"
    [ ! -e "$state/makes" ] || cp "$state/makes" "$state/made-auren-$name"
    [ ! -e "$state/refuses-auren-$name" ] ;;
"stop "* | "update --restart no "*) cat >/dev/null ;;
"exec auren-nginx nginx -q -c "*"/etc/auren/live/files/nginx.conf -s reload") [ ! -e "$state/no-reload" ] ;;
"exec auren-nginx curl -fsS --max-time 5 http://127.0.0.1:8079/")
    if [ -e "$state/told" ]; then cat "$state/told"; else basename "$(readlink "LIVE")"; fi ;;
"start "* | "restart "*)
    cat >/dev/null
    [ ! -e "$state/refuses-$name" ] ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
"""Containers in a list, what they need and how they are. Whatever takes input reads all that it is given."""
SERVICES = {"nginx": "api", "api": "postgres redis", "postgres": "", "redis": ""}
MEMORY = "/run/auren-watchdog"


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """The API with its two stores, all well, and a web server that needs the API."""
    bench.path("/run/lock").mkdir(parents=True)
    bench.stub("docker", DOCKER.replace("LIVE", str(bench.path("/opt/auren/services/nginx/live"))))
    bench.stub("systemctl", '[ "$1" != is-active ] || [ ! -e "$state/docker-is-stopped" ]')
    _list(bench, nginx="running", api="running", postgres="running", redis="running")
    for service, needs in SERVICES.items():
        bench.state(f"needs-auren-{service}", needs)
        bench.state(f"health-auren-{service}", "healthy")
        bench.state(f"grace-auren-{service}", "30")
    _time(bench, 1000)
    return bench


def _list(machine: Bench, **states: str) -> None:
    lines = [f"id-of-auren-{service},auren-{service},{service},{state},1" for service, state in states.items()]
    machine.state("containers", "\n".join(lines))


def _accept(machine: Bench, **releases: str) -> None:
    for service, release in releases.items():
        directory = machine.path(f"/opt/auren/services/{service}")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "current").unlink(missing_ok=True)
        (directory / "current").symlink_to(f"releases/{release}")
        machine.state(f"made-auren-{service}", release)


def _time(machine: Bench, seconds: int) -> None:
    """Since the boot."""
    machine.state("uptime", f"{seconds}.27 4711.15")


def _run(machine: Bench) -> subprocess.CompletedProcess[str]:
    text = machine.text("watchdog").replace("/proc/uptime", f"{machine.root}/state/uptime")
    return machine.run("watchdog", text=text)


def _look(machine: Bench) -> list[str]:
    """What the watchdog does, in no order and without its questions. Its output ends when all that it began is over."""
    machine.forget_calls()
    done = _run(machine)
    assert (done.returncode, done.stderr) == (0, "")
    calls = machine.calls(
        *("docker start", "docker restart", "docker stop", "docker compose", "docker exec"),
        *("systemctl start", "systemctl reset-failed"),
    )
    return sorted(call.replace("id-of-", "") for call in calls if " curl " not in call)


def _done_at(machine: Bench, did: str, *times: int) -> list[int]:
    """At which of these times a look does this."""
    found: list[int] = []
    for time in times:
        _time(machine, time)
        found += [time] * (did in _look(machine))
    return found


RESTART = "docker restart -t 30 auren-postgres"


def test_what_is_well_is_left_alone(machine: Bench) -> None:
    assert _look(machine) == []


def test_what_does_not_run_is_started(machine: Bench) -> None:
    """Each of them: what starts the first must not read the list of the others."""
    _list(machine, nginx="exited", api="created", postgres="exited", redis="running")
    assert _look(machine) == ["docker start auren-api", "docker start auren-nginx", "docker start auren-postgres"]


@pytest.mark.parametrize("state", ["restarting", "paused", "removing", "dead"])
def test_what_docker_or_a_person_is_at_is_left_alone(machine: Bench, state: str) -> None:
    _list(machine, postgres=state, api="exited")
    assert _look(machine) == ["docker start auren-api"]


def test_one_that_does_not_start_does_not_hold_up_the_others(machine: Bench) -> None:
    _list(machine, api="exited", postgres="exited")
    machine.state("refuses-auren-api", "")
    assert _look(machine) == ["docker start auren-api", "docker start auren-postgres"]


@pytest.mark.parametrize(("stop_timeout", "grace"), [("60", "60"), ("<nil>", "10"), ("<no value>", "10")])
def test_one_that_hangs_is_restarted_and_has_its_own_time_to_end(machine: Bench, stop_timeout: str, grace: str) -> None:
    """A database that is killed in the middle needs a recovery."""
    machine.state("health-auren-api", "unhealthy")
    machine.state("grace-auren-api", stop_timeout)
    assert _look(machine) == [f"docker restart -t {grace} auren-api"]


def test_one_that_is_no_better_is_given_more_time_before_each_restart(machine: Bench) -> None:
    """A database whose recovery takes five minutes would never come to its end otherwise."""
    machine.state("health-auren-postgres", "unhealthy")
    times = (1000, 1010, 1110, 1120, 1350, 1360, 1830, 1840, 2790, 2800)
    assert _done_at(machine, RESTART, *times) == [1000, 1120, 1360, 1840, 2800]


def test_one_that_no_restart_helps_is_left_as_it_is_and_loudly(machine: Bench) -> None:
    machine.path(MEMORY).mkdir(parents=True)
    machine.path(f"{MEMORY}/postgres").write_text("id-of-auren-postgres 4 1000\n")
    machine.state("health-auren-postgres", "unhealthy")
    assert _look(machine) == ["docker restart -t 30 auren-postgres"]
    _time(machine, 2910)
    assert _look(machine) == []
    _time(machine, 2920)
    assert _look(machine) == ["systemctl start --no-block auren-failing@postgres"]
    _time(machine, 99999)
    assert _look(machine) == []


@pytest.mark.parametrize("state", ["restarting", "running"], ids=["between", "starting"])
def test_one_that_docker_starts_again_and_again_is_left_to_it_and_told(machine: Bench, state: str) -> None:
    """Its program ends within its start period, so Docker never calls it unhealthy."""
    _list(machine, postgres=state)
    machine.state("health-auren-postgres", "starting")
    alarm = "systemctl start --no-block auren-failing@postgres"
    assert _done_at(machine, alarm, 1000, 1010, 1590, 1600, 1610) == [1600], "once, after ten minutes"
    _list(machine, postgres="running")
    machine.state("health-auren-postgres", "healthy")
    assert _look(machine) == ["systemctl reset-failed auren-failing@postgres"]
    assert list(machine.path(MEMORY).iterdir()) == []


def test_what_was_tried_is_forgotten_when_it_is_healthy(machine: Bench) -> None:
    machine.state("health-auren-postgres", "unhealthy")
    assert _done_at(machine, RESTART, 1000, 1120, 1130) == [1000, 1120]
    machine.state("health-auren-postgres", "healthy")
    assert _look(machine) == []
    machine.state("health-auren-postgres", "unhealthy")
    assert _done_at(machine, RESTART, 1140, 1150, 1260) == [1140, 1260], "at once again"


def test_an_alarm_is_over_when_it_is_healthy(machine: Bench) -> None:
    machine.path(MEMORY).mkdir(parents=True)
    machine.path(f"{MEMORY}/postgres").write_text("id-of-auren-postgres 6 1000\n")
    machine.path(f"{MEMORY}/postgres.alarm").touch()
    assert _look(machine) == ["systemctl reset-failed auren-failing@postgres"]
    assert list(machine.path(MEMORY).iterdir()) == []
    assert _look(machine) == []


def test_another_container_of_the_service_is_tried_from_the_beginning(machine: Bench) -> None:
    machine.path(MEMORY).mkdir(parents=True)
    machine.path(f"{MEMORY}/postgres").write_text("id-of-the-last-one 6 99999\n")
    machine.state("health-auren-postgres", "unhealthy")
    assert _look(machine) == ["docker restart -t 30 auren-postgres"]


def test_one_that_cannot_be_started_is_tried_for_ever_and_loudly(machine: Bench) -> None:
    """Its disk or its port may come back, and trying does no harm."""
    _list(machine, api="exited")
    machine.state("refuses-auren-api", "")
    tried = (1000, 1010, 1030, 1070, 1150, 1310, 1470, 1630)
    assert _done_at(machine, "docker start auren-api", *sorted({*tried, 1020, 1060, 1140, 1300, 1460})) == list(tried)
    assert machine.path(f"{MEMORY}/api.alarm").exists()
    machine.path(f"{MEMORY}/api").write_text("id-of-auren-api 5 2000\n")
    machine.path(f"{MEMORY}/api.alarm").unlink()
    alarm = "systemctl start --no-block auren-failing@api"
    assert _done_at(machine, alarm, 1990, 2000, 2160, 2320) == [2000], "the alarm is raised once"


def test_a_memory_that_was_cut_is_none(machine: Bench) -> None:
    machine.path(MEMORY).mkdir(parents=True)
    machine.path(f"{MEMORY}/postgres").write_text("")
    machine.state("health-auren-postgres", "unhealthy")
    assert _look(machine) == ["docker restart -t 30 auren-postgres"]


@pytest.mark.parametrize("health", ["healthy", "starting", ""])
def test_one_that_may_yet_become_healthy_is_not(machine: Bench, health: str) -> None:
    machine.state("health-auren-api", health)
    assert _look(machine) == []


@pytest.mark.parametrize("health", ["unhealthy", "starting", ""])
def test_one_that_waits_for_another_is_not_restarted_for_it(machine: Bench, health: str) -> None:
    """It would lose what it holds in memory, and be no healthier."""
    machine.state("health-auren-api", "unhealthy")
    machine.state("health-auren-redis", health)
    assert "docker restart -t 30 auren-api" not in _look(machine)


def test_the_one_that_all_others_wait_for_is_restarted_alone(machine: Bench) -> None:
    for service in ("nginx", "api", "postgres"):
        machine.state(f"health-auren-{service}", "unhealthy")
    assert _look(machine) == ["docker restart -t 30 auren-postgres"]


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
    machine.state("containers", "id-1,0f3a_auren-api,api,exited,\nid-2,auren-api,api,running,")
    assert _look(machine) == []


RESTORE = (
    "docker compose --ansi never --progress quiet --file /opt/auren/services/{0}/current/compose.yml "
    "up --detach --no-deps {0}"
)


def test_a_container_of_another_release_gives_way_to_the_accepted_one(machine: Bench) -> None:
    """A power cut in the middle of a deployment leaves one."""
    _accept(machine, nginx="1", api="2", postgres="1")
    machine.state("health-auren-api", "unhealthy")
    assert _look(machine) == [RESTORE.format("api")]


def test_a_service_without_a_container_gets_the_accepted_one(machine: Bench) -> None:
    _accept(machine, kafka="1", api="1")
    assert _look(machine) == [RESTORE.format("kafka")]


def test_a_container_counts_as_made_again_only_when_it_was_seen(machine: Bench) -> None:
    """Compose starts none while the release's container has another name."""
    _accept(machine, kafka="1")
    assert _run(machine).stdout == "auren-kafka did not run the accepted release: it does now\n"
    machine.path(f"{MEMORY}/kafka").unlink()
    (machine.root / "state/made-auren-kafka").unlink()
    done = _run(machine)
    assert done.stdout == ""
    assert done.stderr == "auren-kafka is not of the release 1, though Compose was to start that\n"


def test_an_image_that_somebody_removed_is_pulled_with_the_logins_of_the_registries(machine: Bench) -> None:
    """By `docker compose up`."""
    _accept(machine, kafka="1")
    _look(machine)
    assert (machine.root / "state/logins").read_text() == f"{machine.root}/etc/auren/registries\n"


RELOAD = "docker exec auren-nginx nginx -q -c /etc/auren/live/files/nginx.conf -s reload"


@pytest.fixture
def reloading(machine: Bench) -> Bench:
    """nginx has read the release `bbbb`, and its container was made from `aaaa`. `cccc` has another container."""
    service = machine.path("/opt/auren/services/nginx")
    for release, image in (("aaaa", "x"), ("bbbb", "x"), ("cccc", "y")):
        directory = service / "releases" / release
        directory.mkdir(parents=True)
        text = f"image: {image}\nvolumes:\n- {service}:/etc/auren:ro\nlabel: {release}\n"
        (directory / "compose.yml").write_text(text)
    _accept(machine, nginx="bbbb")
    _of(machine, "aaaa")
    (service / "live").symlink_to("releases/bbbb")
    return machine


def _of(machine: Bench, release: str, state: str = "running") -> None:
    """nginx' container was made from this release."""
    machine.state("containers", f"id-of-auren-nginx,auren-nginx,nginx,{state},{release}")
    machine.state("made-auren-nginx", release)


def _lead(machine: Bench, release: str) -> None:
    link = machine.path("/opt/auren/services/nginx/live")
    link.unlink()
    if release:
        link.symlink_to(f"releases/{release}")


def _leads(machine: Bench) -> str:
    return machine.path("/opt/auren/services/nginx/live").readlink().name


def test_a_container_that_has_reloaded_is_left_alone(reloading: Bench) -> None:
    """Its label names the release that it was made from."""
    assert _look(reloading) == []
    _of(reloading, "aaaa", "exited")
    assert _look(reloading) == ["docker start auren-nginx"]


@pytest.mark.parametrize("cut", ["aaaa", "cccc", ""], ids=["other files", "another container", "no link"])
def test_what_a_cut_has_left_is_led_back_without_a_restart(reloading: Bench, cut: str) -> None:
    _lead(reloading, cut)
    assert _look(reloading) == [RELOAD]
    assert _leads(reloading) == "bbbb"
    assert _look(reloading) == []


def test_where_nginx_does_not_reload_its_container_is_made_again(reloading: Bench) -> None:
    _lead(reloading, "aaaa")
    reloading.state("no-reload", "x")
    assert _look(reloading) == [RESTORE.format("nginx"), RELOAD]
    assert _leads(reloading) == "bbbb"


def test_a_reload_that_nginx_has_not_made_is_no_success(reloading: Bench) -> None:
    """nginx takes the signal, and goes on with the files that it had."""
    _lead(reloading, "aaaa")
    reloading.state("told", "aaaa")
    text = reloading.text("watchdog").replace("/proc/uptime", f"{reloading.root}/state/uptime")
    assert "SECONDS + 15" in text
    done = reloading.run("watchdog", text=text.replace("SECONDS + 15", "SECONDS"))
    assert done.stdout == ""
    assert done.stderr == "auren-nginx is not of the release bbbb, though Compose was to start that\n"


def test_another_container_than_the_accepted_one_is_made_again_with_its_files(reloading: Bench) -> None:
    """A cut behind its start, before it was accepted, leaves one."""
    _of(reloading, "cccc")
    reloading.state("makes", "bbbb")
    _lead(reloading, "cccc")
    assert _look(reloading) == [RESTORE.format("nginx")]
    assert _leads(reloading) == "bbbb"


@pytest.fixture
def green(machine: Bench) -> Bench:
    """The API's second container is the one that is asked."""
    _accept(machine, api="1")
    machine.path("/mnt/auren-data/slots").mkdir(parents=True)
    machine.path("/mnt/auren-data/slots/api-green").touch()
    machine.state("made-auren-api-green", "1")
    machine.state("needs-auren-api-green", "postgres redis")
    machine.state("health-auren-api-green", "healthy")
    machine.state("grace-auren-api-green", "30")
    _list(machine, **{"nginx": "running", "api-green": "running", "postgres": "running", "redis": "running"})
    return machine


def test_the_second_container_is_looked_after_like_the_first(green: Bench) -> None:
    assert _look(green) == []
    green.state("health-auren-api-green", "unhealthy")
    assert _look(green) == ["docker restart -t 30 auren-api-green"]
    assert green.path(f"{MEMORY}/api").exists(), "a deployment forgets what is known of the service"


def test_whoever_needs_the_service_waits_for_the_container_that_is_asked(green: Bench) -> None:
    green.state("health-auren-nginx", "unhealthy")
    green.state("health-auren-api", "unhealthy")
    assert _look(green) == ["docker restart -t 30 auren-nginx"]


def test_a_second_container_that_is_gone_is_made_again(green: Bench) -> None:
    _list(green, nginx="running", postgres="running", redis="running")
    current = "/opt/auren/services/api/current/compose.yml"
    assert _look(green) == [
        f"docker compose --ansi never --progress quiet --file {current} up --detach --no-deps api-green"
    ]


@pytest.mark.parametrize("release", ["1", "2"])
def test_a_container_that_is_not_asked_is_stopped(green: Bench, release: str) -> None:
    """A cut in the middle of a deployment leaves it running, and Docker starts it at a boot."""
    with (green.root / "state/containers").open("a") as listed:
        listed.write(f"id-of-auren-api,auren-api,api,running,{release}\n")
    assert _look(green) == ["docker stop auren-api"]
    assert green.calls("docker update") == ["docker update --restart no id-of-auren-api"]


def test_a_container_that_is_not_asked_is_left_to_a_deployment(green: Bench) -> None:
    with (green.root / "state/containers").open("a") as listed:
        listed.write("id-of-auren-api,auren-api,api,running,2\n")
    with green.path("/run/lock/auren-api").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert _look(green) == []


def test_one_that_was_stopped_is_kept(green: Bench) -> None:
    with (green.root / "state/containers").open("a") as listed:
        listed.write("id-of-auren-api,auren-api,api,exited,2\n")
    assert _look(green) == []


@pytest.mark.parametrize(("made", "accepted"), [("2", "2"), ("1", "1")])
def test_a_switch_that_was_cut_before_its_acceptance_is_accepted(green: Bench, made: str, accepted: str) -> None:
    directory = green.path("/opt/auren/services/api")
    (directory / "next").symlink_to("releases/2")
    green.state("made-auren-api-green", made)
    containers = (green.root / "state/containers").read_text()
    green.state("containers", containers.strip().replace("api-green,running,1", f"api-green,running,{made}"))
    assert _look(green) == []
    assert (directory / "current").readlink().name == accepted
    assert not (directory / "next").is_symlink()


@pytest.fixture
def switched(green: Bench) -> Bench:
    """A power cut came behind the switch to the second container, whose release was not accepted. Both run again."""
    (green.path("/opt/auren/services/api") / "next").symlink_to("releases/2")
    green.state("made-auren-api-green", "2")
    containers = (green.root / "state/containers").read_text()
    containers = containers.strip().replace("api-green,running,1", "api-green,running,2")
    green.state("containers", f"{containers}\nid-of-auren-api,auren-api,api,running,1")
    return green


def test_after_a_power_cut_behind_the_switch_the_new_one_is_given_time_to_become_healthy(switched: Bench) -> None:
    directory = switched.path("/opt/auren/services/api")
    switched.state("health-auren-api-green", "starting")
    for time in (1000, 1110):
        _time(switched, time)
        assert _look(switched) == []
        assert (directory / "next").is_symlink()
    switched.state("health-auren-api-green", "healthy")
    assert _look(switched) == ["docker stop auren-api"]
    assert (directory / "current").readlink().name == "2"
    assert not (directory / "next").is_symlink()


@pytest.mark.parametrize("health", ["starting", "unhealthy", ""])
def test_one_that_does_not_become_healthy_behind_the_switch_gives_way_to_the_one_before(
    switched: Bench, health: str
) -> None:
    """An image that starts and then fails, and a power cut while it was watched."""
    directory = switched.path("/opt/auren/services/api")
    switched.state("health-auren-api-green", health)
    for time in (1000, 1110):
        _time(switched, time)
        assert _look(switched) == []
    _time(switched, 1120)
    assert _look(switched) == ["docker start auren-api", "docker stop auren-api-green"]
    assert not switched.path("/mnt/auren-data/slots/api-green").exists()
    assert (directory / "current").readlink().name == "1"
    assert not (directory / "next").is_symlink()
    (line,) = switched.path("/mnt/auren-data/history").read_text().splitlines()
    assert line.split("\t")[1:4] == ["api", "2", "refused"]


def test_while_its_stores_start_the_new_one_has_more_time(switched: Bench) -> None:
    """After a power cut, a database may need minutes for its recovery."""
    switched.state("health-auren-api-green", "unhealthy")
    switched.state("health-auren-postgres", "starting")
    for time in (1000, 1590):
        _time(switched, time)
        assert _look(switched) == []
    _time(switched, 1600)
    assert "docker start auren-api" in _look(switched)


def test_a_first_deployment_that_was_cut_behind_the_switch_is_accepted(machine: Bench) -> None:
    """There is no accepted release yet, and no other container."""
    machine.path("/mnt/auren-data").mkdir(parents=True)
    directory = machine.path("/opt/auren/services/api")
    directory.mkdir(parents=True)
    (directory / "next").symlink_to("releases/1")
    machine.state("made-auren-api", "1")
    machine.state("health-auren-api", "starting")
    assert _look(machine) == []
    assert (directory / "current").readlink().name == "1"
    assert not (directory / "next").is_symlink()


@pytest.mark.parametrize(("asked", "noted"), [("rollback", True), ("accepted", False)])
def test_what_the_watchdog_accepts_is_a_rollback_if_the_history_says_so(
    switched: Bench, asked: str, noted: bool
) -> None:
    flag = switched.path("/opt/auren/services/api/rolled-back")
    if not noted:
        flag.touch()
    history = switched.path("/mnt/auren-data/history")
    history.write_text(f"2026-11-27T12:00:00Z\tapi\t2\t{asked}\tapi:2\t-\t-\n")
    _look(switched)
    assert (switched.path("/opt/auren/services/api/current")).readlink().name == "2"
    assert flag.exists() == noted


def test_a_switch_that_the_watchdog_accepts_can_be_rolled_back_and_is_in_the_history(green: Bench) -> None:
    directory = green.path("/opt/auren/services/api")
    (directory / "releases/1").mkdir(parents=True)
    (directory / "next").symlink_to("releases/2")
    green.state("made-auren-api-green", "2")
    containers = (green.root / "state/containers").read_text()
    green.state("containers", containers.strip().replace("api-green,running,1", "api-green,running,2"))
    assert _look(green) == []
    assert (directory / "previous").readlink().name == "1"
    (line,) = green.path("/mnt/auren-data/history").read_text().splitlines()
    assert line.split("\t")[1:4] == ["api", "2", "accepted"]


def test_what_was_never_accepted_is_only_kept_running(machine: Bench) -> None:
    _list(machine, api="exited")
    assert _look(machine) == ["docker start auren-api"]


def test_an_accepted_release_that_cannot_be_started_is_tried_again_and_loudly(machine: Bench) -> None:
    _accept(machine, kafka="1")
    machine.state("refuses-auren-kafka", "")
    times = (1000, 1010, 1030, 1080, 1090, 1200, 1210, 1450, 1930, 1940, 2410)
    assert _done_at(machine, RESTORE.format("kafka"), *times) == [1000, 1030, 1090, 1210, 1450, 1930, 2410]
    assert machine.path(f"{MEMORY}/kafka.alarm").exists()


def test_a_release_that_was_replaced_since_the_look_is_not_started(machine: Bench) -> None:
    """A deployment ends between the look at `current` and the lock."""
    _accept(machine, api="2")
    current = machine.path("/opt/auren/services/api/current")
    machine.stub("flock", f"ln -sfn releases/1 {current}")
    assert _look(machine) == []


def test_a_service_that_a_deployment_works_on_is_not_restored(machine: Bench) -> None:
    _accept(machine, api="2")
    with machine.path("/run/lock/auren-api").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
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


UNITS = systemd.named(systemd.CONTAINERS, systemd.WATCHDOG, systemd.ALARM)
FILES = bundle.pack({"watchdog": script("watchdog"), **UNITS})


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
        done = host.run("supervision", data=FILES)
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
    assert "ExecStart=/bin/false\n" in _unit(host, "auren-failing@")
    assert sorted(path.name for path in host.path(WATCHDOG).parent.iterdir()) == ["watchdog"]


def test_the_watchdog_forgets_when_it_is_restarted(host: Bench) -> None:
    """Its memory is a directory of its unit; what it has raised the alarm for is cleared as well."""
    host.run("supervision", data=FILES)
    unit = _unit(host, "auren-watchdog")
    assert f"RuntimeDirectory={MEMORY.removeprefix('/run/')}\n" in unit
    assert "ExecStartPre=-/bin/systemctl reset-failed auren-failing@*\n" in unit


def test_the_watchdog_does_not_hang_on_the_machines_language(host: Bench) -> None:
    """systemd runs it, so it does not come through the command that sets the locale of all others."""
    host.run("supervision", data=FILES)
    assert "\nEnvironment=LC_ALL=C\n" in _unit(host, "auren-watchdog")


def test_containers_stop_before_docker_and_after_the_watchdog(host: Bench) -> None:
    """systemd stops in the reverse of the order that it starts in."""
    host.run("supervision", data=FILES)
    containers, watchdog = _unit(host, "auren"), _unit(host, "auren-watchdog")
    assert "After=docker.service " in containers
    assert "ExecStop=/usr/local/lib/auren/stop\n" in containers
    assert "After=auren.service\nPartOf=auren.service\n" in watchdog


def test_a_restart_of_docker_does_not_stop_the_containers(host: Bench) -> None:
    """They live through it; a unit that required Docker would be stopped with it."""
    host.run("supervision", data=FILES)
    for name in ("auren", "auren-watchdog"):
        for bond in ("Requires=", "BindsTo=", "PartOf=docker"):
            assert bond not in _unit(host, name)
