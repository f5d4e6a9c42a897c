"""start_first.sh: the new container beside the old one, the moment of the switch, what fails, and what a cut leaves."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.host.bench import Bench

SERVICE = "/opt/auren/services/api"
SLOTS = "/mnt/auren-data/slots"
DOCKER = r"""
name=${@: -1}
case "$*" in
"inspect --format {{index .Config.Labels \"auren.release\"}} "*) cat "$state/release-$name" 2>/dev/null || exit 1 ;;
"inspect --format {{range .Config.Healthcheck.Test}}{{println .}}{{end}} "*)
    [ -e "$state/release-$name" ] && printf '%s\n' CMD check "" ;;
"inspect --format {{.RestartCount}} "*) if grep -q ends "$state/image-$name"; then echo 9; else echo 0; fi ;;
"inspect --format {{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}} "*)
    echo "running 0 false 0" ;;
"inspect --format {{.State.Running}} since {{.State.StartedAt}} "*)
    if [ -e "$state/crashes" ] && [ -e "$state/crashed" ]; then echo false; else echo true; fi
    touch "$state/crashed" ;;
"inspect --format {{.State.Running}} "*) [ -e "$state/release-$name" ] && cat "$state/running-$name" ;;
"inspect --format {{.State.Pid}} "*) echo self ;;
"inspect --format {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} "*)
    if [ "$name" = auren-api ]; then echo 172.18.0.11; else echo 172.18.0.111; fi ;;
"inspect --format {{.Config.Image}} "*) sed -n 's/^ *image: //p' "$state/image-$name" ;;
"inspect auren-"*) [ -e "$state/release-$name" ] ;;
"exec auren-"*" check")
    name=$2
    if grep -q dies "$state/image-$name" && [ -e ROOT/mnt/auren-data/slots/api-green ]; then
        echo "connection refused" >&2
        [ ! -e "$state/both-end" ] || { rm "$state/both-end"; echo false >"$state/running-auren-api"; }
        exit 1
    fi
    [ "$(cat "$state/running-$name")" = true ] && ! grep -qE "hangs|ends" "$state/image-$name" ;;
"compose "*" run "*)
    printf '%s\n' "$@" >"$state/migrated"
    echo "its migration" >&2
    exit "$(cat "$state/migration" 2>/dev/null || echo 0)" ;;
"rm --force "*) ;;
"compose "*" up "*)
    file=$(sed -E 's/.* --file ([^ ]+) .*/\1/' <<<"$*")
    basename "$(dirname "$file")" >"$state/release-auren-$name"
    cp "$file" "$state/image-auren-$name"
    echo true >"$state/running-auren-$name" ;;
"update --restart no "*) ;;
"stop "*) echo false >"$state/running-$name" ;;
"start "*) [ ! -e "$state/start-fails" ] || exit 1; echo true >"$state/running-$name" ;;
"rm "*) rm "$state"/*"-$name" ;;
"logs --tail 50 "*) echo "its last words" ;;
"image inspect --format {{.Id}} "*) printf '%s\n' "${@:5}" | sed 's/.*:/sha256:/' ;;
"image inspect "* | "image rm "*) ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""


@pytest.fixture
def engine(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER.replace("ROOT", str(bench.root)))
    bench.stub("systemctl")
    bench.path("/run/lock").mkdir(parents=True)
    bench.path(SLOTS).mkdir(parents=True)
    bench.path(f"{SERVICE}/releases").mkdir(parents=True)
    return bench


IMAGES = {1: "api:1", 2: "api:2", 3: "api:hangs", 4: "api:ends", 5: "api:dies", 6: "api:6"}
"""The last one is healthy until it is live."""
MIGRATIONS = {6: "alembic upgrade 'the head'"}


def _stage(bench: Bench, number: int, image: str) -> None:
    """As stage.sh leaves it."""
    directory = bench.path(f"{SERVICE}/releases/{_id(number)}")
    directory.mkdir(exist_ok=True)
    (directory / "compose.yml").write_text(f"services:\n  api:\n    image: {image}\n")
    migration = f"migration 300 {MIGRATIONS[number]}\n" if number in MIGRATIONS else ""
    (directory / "text").write_text(f"owner 1:1\n{migration}compose\n migration 1 in a file\n")


def _id(number: int) -> str:
    return f"{number:016x}"


def _deploy(bench: Bench, number: int, *lenders: str, bound: str = "1", rollback: str = "") -> tuple[int, str, str]:
    if number in IMAGES:
        _stage(bench, number, IMAGES[number])
    data = f"{_id(number)} 2026-11-26T03:21:14.123456789Z"
    done = bench.run("start_first", "api", bound, "3", "1", *lenders, data=data, ROLLBACK=rollback)
    return done.returncode, done.stdout, done.stderr


def _links(bench: Bench) -> dict[str, str]:
    return {path.name: path.readlink().name for path in bench.path(SERVICE).iterdir() if path.is_symlink()}


def _containers(bench: Bench) -> dict[str, str]:
    """The release that each container is of; in brackets for one that is stopped."""
    found: dict[str, str] = {}
    for path in (bench.root / "state").glob("release-auren-*"):
        name, release = path.name.removeprefix("release-auren-"), path.read_text().strip()
        runs = (bench.root / f"state/running-auren-{name}").read_text().strip() == "true"
        found[name] = release if runs else f"({release})"
    return found


def _live(bench: Bench) -> list[str]:
    return [path.name for path in Path(bench.path(SLOTS)).iterdir()]


@pytest.fixture
def running(engine: Bench) -> Bench:
    """With the first release up and healthy."""
    assert _deploy(engine, 1)[0] == 0
    engine.forget_calls()
    return engine


def test_the_first_release_of_all_is_started_in_the_live_slot(engine: Bench) -> None:
    status, said, fault = _deploy(engine, 1)
    assert (status, said, fault) == (0, f"auren-api runs {_id(1)}, of api:1\n", "")
    assert _containers(engine) == {"api": _id(1)}
    assert (_live(engine), _links(engine)) == ([], {"current": _id(1)})


def test_the_next_one_is_started_beside_it_and_then_takes_over(running: Bench) -> None:
    status, said, fault = _deploy(running, 2)
    assert (status, said, fault) == (0, f"auren-api-green runs {_id(2)}, of api:2\n", "")
    assert _containers(running) == {"api-green": _id(2)}
    assert (_live(running), _links(running)) == (["api-green"], {"current": _id(2), "previous": _id(1)})
    calls = running.calls("docker compose", "docker exec", "sync", "docker stop", "docker rm")
    (up,) = [number for number, call in enumerate(calls) if call.startswith("docker compose")]
    asked, stopped = calls.index("docker exec auren-api-green check"), calls.index("docker stop auren-api")
    led = calls.index(f"sync {SLOTS}")
    assert up < asked < led < stopped, "what serves is stopped last"
    flushed = calls.index(f"sync --file-system /var/lib/docker {SERVICE}")
    assert flushed < led, "a power cut behind the switch finds the container"


def test_the_old_one_is_stopped_when_a_request_that_was_on_its_way_has_arrived(running: Bench) -> None:
    running.stub("sleep")
    _stage(running, 2, IMAGES[2])
    running.run("start_first", "api", "1", "0", "0", data=f"{_id(2)} 2026-11-26T03:21:14.123456789Z")
    calls = running.calls("sync", "sleep", "docker stop")
    (led, waited, stopped) = (
        max(number for number, call in enumerate(calls) if call.startswith(words))
        for words in (f"sync {SLOTS}", "sleep 0.", "docker stop auren-api")
    )
    assert led < waited < stopped


NOTES_WHAT_IS_FLUSHED = """
for path in "$@"; do
    if [ "$path" = ROOT/opt/auren/services/api ] && [ -L "$path/next" ]; then
        [ -e ROOT/mnt/auren-data/slots/api-green ] || touch "$state/flushed"
    fi
done
"""


def test_a_power_cut_behind_the_switch_finds_the_link_that_says_what_it_switched_to(running: Bench) -> None:
    """The slot's file and the link are on two disks. Without the link, the watchdog would take the switch back."""
    running.stub("sync", NOTES_WHAT_IS_FLUSHED.replace("ROOT", str(running.root)))
    assert _deploy(running, 2)[0] == 0
    assert (running.root / "state/flushed").exists()


def test_a_rollback_ends_when_another_release_is_deployed(running: Bench) -> None:
    """With the change taken back in the repository, its own release is: `previous` is still the one that was left."""
    flag = running.path(f"{SERVICE}/rolled-back")
    flag.touch()
    assert _deploy(running, 1)[0] == 0
    assert flag.exists()
    assert _deploy(running, 2)[0] == 0
    assert not flag.exists()


def test_a_rollback_is_noted_as_one_when_its_release_is_accepted(running: Bench) -> None:
    """Before the old container is drained: whoever asked for it may be gone by then."""
    secret = running.path(f"{SERVICE}/secrets/token.0123")
    secret.parent.mkdir()
    secret.touch()
    os.utime(secret, (0, 0))
    running.stub("sync", f"[ ! -e {running.path(SERVICE)}/rolled-back ] || touch $state/noted")
    assert _deploy(running, 2, rollback="yes")[0] == 0
    assert (running.root / "state/noted").exists()
    assert secret.exists(), "one that an update has sent, which was cut before its release was staged"
    assert _deploy(running, 1)[0] == 0
    assert not secret.exists()


def test_the_slots_take_turns(running: Bench) -> None:
    for number, live in ((2, ["api-green"]), (1, []), (2, ["api-green"])):
        assert _deploy(running, number)[0] == 0
        assert _live(running) == live
    assert _containers(running) == {"api-green": _id(2)}


@pytest.mark.parametrize("number", [3, 4])
def test_one_that_does_not_become_healthy_is_kept_stopped_and_nobody_is_led_to_it(running: Bench, number: int) -> None:
    status, said, fault = _deploy(running, number)
    assert (status, said) == (1, "")
    assert fault.startswith("api did not become healthy")
    assert "its last words" in fault
    assert (
        "Nobody was led to it: auren-api still serves.\nauren-api-green was stopped, and is kept for a look." in fault
    )
    assert _containers(running) == {"api": _id(1), "api-green": f"({_id(number)})"}
    assert (_live(running), _links(running)) == ([], {"current": _id(1), "failed": _id(number)})
    assert running.calls("docker stop auren-api\n") == []
    assert "docker update --restart no auren-api-green" in running.calls(), "Docker would start it at a boot"


def test_after_a_failure_the_next_one_takes_its_place(running: Bench) -> None:
    _deploy(running, 3)
    assert _deploy(running, 2)[0] == 0
    assert _containers(running) == {"api-green": _id(2)}
    assert _links(running) == {"current": _id(2), "previous": _id(1)}


def test_a_change_that_is_taken_back_leaves_the_container_and_removes_the_failed_one(running: Bench) -> None:
    _deploy(running, 3)
    status, said, _ = _deploy(running, 1)
    assert (status, said) == (0, f"auren-api runs {_id(1)} and is healthy\n")
    assert _containers(running) == {"api": _id(1)}
    assert _links(running) == {"current": _id(1)}


def test_a_container_that_runs_this_release_and_is_healthy_is_left_alone(running: Bench) -> None:
    assert _deploy(running, 1)[1] == f"auren-api runs {_id(1)} and is healthy\n"
    assert running.calls("docker compose", "docker stop") == []


def test_a_service_that_lends_its_memory_is_stopped_meanwhile(running: Bench) -> None:
    running.state("release-auren-kafka-ui", "x")
    running.state("running-auren-kafka-ui", "true")
    assert _deploy(running, 2, "kafka-ui")[0] == 0
    calls = running.calls("docker compose", "docker stop", "docker start")
    assert [calls[0], calls[-1]] == ["docker stop auren-kafka-ui", "docker start auren-kafka-ui"]
    running.forget_calls()
    assert _deploy(running, 3, "kafka-ui")[0] == 1
    assert running.calls("docker start") == ["docker start auren-kafka-ui"], "also when the new one fails"


def test_a_lender_that_is_being_deployed_ends_it_before_anything_is_started(running: Bench) -> None:
    running.stub("flock", "exit 1")
    status, _, fault = _deploy(running, 2, "kafka-ui")
    assert (status, fault) == (
        1,
        "kafka-ui is being deployed, and its memory is needed. Try again when that has ended.\n",
    )
    assert _containers(running) == {"api": _id(1)}


def _cut_behind_the_switch(bench: Bench) -> None:
    """As a cut between the switch and its acceptance leaves it."""
    _deploy(bench, 2)
    for name, number in (("next", 2), ("current", 1)):
        link = bench.path(f"{SERVICE}/{name}")
        link.unlink(missing_ok=True)
        link.symlink_to(f"releases/{_id(number)}")
    bench.state("release-auren-api", _id(1))
    bench.state("running-auren-api", "true")
    bench.state("image-auren-api", "api:1")


def test_after_a_cut_behind_the_switch_the_next_run_accepts_it(running: Bench) -> None:
    _cut_behind_the_switch(running)
    assert _deploy(running, 2)[1] == f"auren-api-green runs {_id(2)} and is healthy\n"
    assert _containers(running) == {"api-green": _id(2)}
    assert _links(running) == {"current": _id(2), "previous": _id(1)}


def test_after_a_cut_behind_the_switch_a_container_that_fails_by_then_gives_way(running: Bench) -> None:
    _cut_behind_the_switch(running)
    running.state("image-auren-api-green", "api:dies")
    status, said, _ = _deploy(running, 1)
    assert (status, said) == (0, f"auren-api runs {_id(1)} and is healthy\n")
    assert (_live(running), _containers(running)) == ([], {"api": _id(1)})
    assert running.calls("docker inspect --format {{.State.Pid}}", "docker stop")[-2:] == [
        "docker inspect --format {{.State.Pid}} auren-api-green",
        "docker stop auren-api-green",
    ], "it has answered what it was asked"
    assert _links(running)["current"] == _id(1)


def test_after_a_cut_before_the_switch_the_next_run_starts_over(running: Bench) -> None:
    running.path(f"{SERVICE}/next").symlink_to(f"releases/{_id(2)}")
    running.state("release-auren-api-green", _id(2))
    running.state("running-auren-api-green", "true")
    running.state("image-auren-api-green", "api:2")
    assert _deploy(running, 2)[1] == f"auren-api-green runs {_id(2)}, of api:2\n"
    assert len(running.calls("docker compose")) == 1
    assert _links(running) == {"current": _id(2), "previous": _id(1)}


def test_a_release_that_is_not_there_is_told(engine: Bench) -> None:
    status, _, fault = _deploy(engine, 9)
    assert status == 1
    assert "the release 0000000000000009, staged 2026" in fault


def test_one_that_fails_after_it_took_over_gives_way_to_the_old_one(running: Bench) -> None:
    status, said, fault = _deploy(running, 5)
    assert (status, said) == (1, "")
    assert fault.startswith("api became healthy and took over. Then its health check failed.\n")
    assert "  its last words\nIts health check said:\n  connection refused\n" in fault
    assert fault.endswith("auren-api serves again.\nauren-api-green was stopped, and is kept for a look.\n")
    assert _containers(running) == {"api": _id(1), "api-green": f"({_id(5)})"}
    assert (_live(running), _links(running)) == ([], {"current": _id(1), "failed": _id(5)})
    assert running.calls("docker stop auren-api\n") == []


def test_one_that_ends_after_it_took_over_gives_way_at_once(running: Bench) -> None:
    running.state("crashes", "")
    status, _, fault = _deploy(running, 2)
    assert status == 1
    assert fault.startswith("api became healthy and took over. Then it ended.\n")
    assert (_live(running), _links(running)) == ([], {"current": _id(1), "failed": _id(2)})


def test_an_old_one_that_ends_while_the_new_one_fails_is_started_again(running: Bench) -> None:
    running.state("both-end", "")
    status, _, fault = _deploy(running, 5)
    assert status == 1
    assert fault.endswith("auren-api serves again.\nauren-api-green was stopped, and is kept for a look.\n")
    assert running.calls("docker start") == ["docker start auren-api"]
    assert (_live(running), _links(running)) == ([], {"current": _id(1), "failed": _id(5)})


def test_a_failing_one_is_not_accepted_for_want_of_the_old_one(running: Bench) -> None:
    running.state("both-end", "")
    running.state("start-fails", "")
    status, said, fault = _deploy(running, 5)
    assert (status, said) == (1, "")
    assert "auren-api has ended meanwhile, and does not start again. So auren-api-green still serves" in fault
    assert _containers(running) == {"api": f"({_id(1)})", "api-green": _id(5)}
    assert (_live(running), _links(running)) == (["api-green"], {"current": _id(1), "failed": _id(5)})


def test_after_a_cut_behind_the_switch_an_old_one_that_was_stopped_serves_again(running: Bench) -> None:
    _cut_behind_the_switch(running)
    running.state("image-auren-api-green", "api:dies")
    running.state("running-auren-api", "false")
    assert _deploy(running, 1)[0] == 0
    assert running.calls("docker start") == ["docker start auren-api"]
    assert (_live(running), _links(running)["current"]) == ([], _id(1))


def test_the_same_release_once_more_ends_no_rollback(running: Bench) -> None:
    assert _deploy(running, 2)[0] == 0
    assert _deploy(running, 1, rollback="yes")[0] == 0
    flag = running.path(f"{SERVICE}/rolled-back")
    assert flag.exists()
    running.path(f"{SERVICE}/releases/{_id(1)}/repaired").touch()
    assert _deploy(running, 1)[0] == 0
    assert flag.exists()
    assert _links(running) == {"current": _id(1), "previous": _id(2)}


def test_releases_that_were_refused_push_out_none_that_was_good(running: Bench) -> None:
    for number in (2, 6, 3, 4, 5):
        _deploy(running, number)
    kept = {path.name for path in running.path(f"{SERVICE}/releases").iterdir()}
    assert kept == {_id(number) for number in (1, 2, 6, 5)}, "three good ones, and the one that was refused last"
    assert running.calls("docker image rm") == ["docker image rm api:hangs", "docker image rm api:ends"]


def test_an_image_that_a_kept_release_has_by_another_name_stays(running: Bench) -> None:
    """To remove one name of an image can remove the others, and then a rollback needs the registry."""
    for number, image in ((7, "api:rc1@sha256:one"), (8, "api:1.0@sha256:one"), (9, "api:9"), (10, "api:10")):
        _stage(running, number, image)
        assert _deploy(running, number)[0] == 0
    assert running.calls("docker image rm") == ["docker image rm api:1"]


def test_one_that_gives_way_is_stopped_when_it_has_answered_what_it_was_asked(running: Bench) -> None:
    """Its health check fails, and it still sends a download."""
    assert _deploy(running, 5)[0] == 1
    calls = running.calls("docker inspect --format {{.State.Pid}}", "docker stop", "sync")
    led_back = [number for number, call in enumerate(calls) if call == f"sync {SLOTS}"][-1]
    assert [call for call in calls[led_back:] if call.startswith("docker")] == [
        "docker inspect --format {{.State.Pid}} auren-api-green",
        "docker stop auren-api-green",
    ]


def _answered(bench: Bench, address: str, when: timedelta, **statuses: int) -> None:
    """So many answers with each status, as nginx logs them."""
    at = datetime.now(tz=UTC) + when
    log = bench.path("/mnt/auren-data/nginx-logs/access.log")
    log.parent.mkdir(exist_ok=True)
    with log.open("a") as file:
        for status, count in statuses.items():
            line = f'{{"time":"{at:%Y-%m-%dT%H:%M:%S}+00:00","status":{status[1:]},"upstream":"{address}:8080"}}\n'
            file.write(line * count)


SOON = timedelta(hours=1)
JUST_NOW = timedelta(minutes=-1)


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ({"s200": 100}, {"s200": 50, "s503": 5}, 1),
        ({"s200": 100}, {"s500": 5}, 1),
        ({}, {"s200": 10, "s502": 10}, 1),
        ({"s200": 100}, {"s200": 5, "s503": 4}, 0),
        ({"s200": 100}, {"s200": 500, "s404": 50, "s503": 6}, 0),
        ({"s200": 80, "s500": 20}, {"s200": 80, "s500": 25}, 0),
    ],
    ids=["more", "all", "the first ones", "a few", "a small share", "no more than before"],
)
def test_one_that_answers_with_more_errors_than_the_old_one_gives_way(
    running: Bench, before: dict[str, int], after: dict[str, int], status: int
) -> None:
    _answered(running, "172.18.0.11", JUST_NOW, **before)
    _answered(running, "172.18.0.111", JUST_NOW, s500=1000)  # of the container that was there before
    _answered(running, "172.18.0.111", SOON, **after)
    ended, _, fault = _deploy(running, 2)
    assert ended == status
    if status:
        failed = sum(count for answer, count in after.items() if answer >= "s5")
        assert f"Then {failed} of its {sum(after.values())} answers had a status of 500 or more.\n" in fault
    assert _live(running) == ([] if status else ["api-green"])


def _migrations(bench: Bench) -> list[str]:
    return [call for call in bench.calls("docker compose") if " run " in call]


def test_a_migration_runs_once_before_the_container_starts_and_at_its_address(running: Bench) -> None:
    assert _deploy(running, 6)[0] == 0
    words = (running.root / "state/migrated").read_text().splitlines()
    assert words[words.index("run") :] == [
        *("run", "--rm", "--no-deps", "--no-TTY", "--name", "auren-migration-api"),
        *("--entrypoint", "sh", "api-green", "-c", "alembic upgrade 'the head'"),
    ]
    first, second = running.calls("docker compose")
    assert (" run " in first, " up " in second) == (True, True)
    for number in (1, 6):
        assert _deploy(running, number)[0] == 0
    assert len(_migrations(running)) == 1, "once for each release"


@pytest.mark.parametrize(
    ("status", "said"), [("3", "ended with exit status 3"), ("124", "did not end within 300 s")], ids=["fails", "hangs"]
)
def test_a_migration_that_fails_fails_the_deployment_and_the_old_one_serves(
    running: Bench, status: str, said: str
) -> None:
    running.state("migration", status)
    ended, _, fault = _deploy(running, 6)
    assert ended == 1
    assert fault == f"The migration of api {said}. Its last lines:\n  its migration\nauren-api still serves.\n"
    assert _containers(running) == {"api": _id(1)}
    assert (_live(running), _links(running)) == ([], {"current": _id(1), "failed": _id(6)})
    running.state("migration", "0")
    assert _deploy(running, 6)[0] == 0
    assert len(_migrations(running)) == 2, "it is tried again"


def test_a_migration_waits_for_a_container_that_a_cut_has_left_at_its_address(running: Bench) -> None:
    _deploy(running, 6)
    removed = running.calls("docker rm --force")
    assert removed[0] == "docker rm --force auren-migration-api auren-api-green"
