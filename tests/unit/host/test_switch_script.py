"""switch.sh: what is touched, what is left alone, the way back, and what is kept."""

import os
import re
from pathlib import Path

import pytest

from tests.unit.host.bench import Bench, without_seconds

SERVICE = "/opt/auren/services/api"
EARLIER = "/var/lib/auren/started"
"""Where deployments before there were releases kept their way back."""

CHECK = "test -n '$HOME' && echo \"a  b\""
"""A health check whose words a shell would take apart."""

DOCKER = r"""
kept() { cat "$state/$1" 2>/dev/null || echo "${2-}"; }
case "$*" in
"inspect --format {{index .Config.Labels \"auren.release\"}} auren-api") [ -e "$state/id" ] && kept release ;;
"inspect --format {{range .Config.Healthcheck.Test}}{{println .}}{{end}} auren-api")
    [ -e "$state/id" ] && printf '%s\n' CMD sh -c "$(cat "$state/check")" "" ;;
"inspect --format {{.RestartCount}} auren-api")
    kept restarts 0
    if grep -q broken "$state/image"; then echo $(($(kept restarts 0) + 1)) >"$state/restarts"; fi ;;
"inspect --format {{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}} auren-api")
    echo "$(kept status running) $(kept code 0) $(kept killed false) $(kept restarts 0)" ;;
"inspect --format {{.Config.Image}} auren-api") sed -n 's/^ *image: //p' "$state/image" ;;
"logs --tail 50 auren-api")
    if [ ! -e "$state/id" ]; then echo "No such container: auren-api" >&2; exit 1; fi
    echo "FATAL: the database is not there" >&2 ;;
"exec auren-api sh -c "*)
    printf '%s\n' "${@:3}" >"$state/asked"
    failures=$(kept failures 0)
    if [ "$failures" -gt 0 ]; then
        echo $((failures - 1)) >"$state/failures"
        echo "1 connection refused" >&2
        exit "$(kept verdict 1)"
    fi ;;
"compose "*" up "*" api")
    echo "$DOCKER_CONFIG" >"$state/logins"
    if [ -e "$state/up" ]; then cat "$state/up" >&2; exit 1; fi
    file=$(sed -E 's/.* --file ([^ ]+) .*/\1/' <<<"$*")
    echo x >"$state/id"
    [ ! -e "$state/check next" ] || mv "$state/check next" "$state/check"
    basename "$(dirname "$file")" >"$state/release"
    cp "$file" "$state/image"
    echo 0 >"$state/restarts"
    if grep -qE "broken|hanging" "$file"; then echo 1000000; else kept slow 0; fi >"$state/failures" ;;
"image inspect --format {{.Id}} "*) printf '%s\n' "${@:5}" ;;
"image inspect "* | "image rm "*) ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
"""An engine with one container. Its health check works after `slow` failures; never, when its image has the word
"broken", for one that ends again and again, or "hanging"."""


@pytest.fixture
def engine(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER)
    bench.stub("systemctl")
    bench.state("check", CHECK)
    bench.path("/mnt/auren-data").mkdir()
    for number, image in enumerate(("api:1", "api:2", "api:3"), 1):
        _stage(bench, number, image)
    return bench


def _id(number: int) -> str:
    return f"{number:016x}"


def _directory(bench: Bench, number: int) -> Path:
    return bench.path(f"{SERVICE}/releases/{_id(number)}")


def _stage(bench: Bench, number: int, image: str) -> None:
    """As stage.sh leaves it."""
    directory = _directory(bench, number)
    (directory / "secrets").mkdir(parents=True)
    (directory / "compose.yml").write_text(f"services:\n  api:\n    image: {image}\n")
    (directory / "text").write_text("compose\n")


def _switch(bench: Bench, number: int, bound: str = "90") -> tuple[int, str, str]:
    done = bench.run("switch", "api", bound, data=f"{_id(number)} 2026-11-26T03:21:14.123456789Z")
    return done.returncode, without_seconds(done.stdout), done.stderr


@pytest.fixture
def running(engine: Bench) -> Bench:
    """With the first release up and healthy."""
    assert _switch(engine, 1)[0] == 0
    engine.forget_calls()
    return engine


def _history(bench: Bench) -> list[tuple[str, str]]:
    """Releases and what became of them."""
    lines = [line.split("\t") for line in bench.path("/mnt/auren-data/history").read_text().splitlines()]
    return [(release, event) for _, service, release, event, *_ in lines if service == "api"]


CHECKS = "docker exec auren-api "
READS = "docker inspect --format "


def _links(bench: Bench) -> dict[str, str]:
    return {path.name: path.readlink().name for path in bench.path(SERVICE).iterdir() if path.is_symlink()}


def _starts(bench: Bench) -> list[str]:
    """What was started, by the directory of its compose file."""
    calls = [call for call in bench.calls("docker compose") if " up " in call]
    return [call.split("--file ")[1].split()[0].removesuffix("/compose.yml").rpartition("/")[2] for call in calls]


def test_a_first_release_is_started_waited_for_and_accepted(engine: Bench) -> None:
    status, said, fault = _switch(engine, 1)
    assert (status, fault) == (0, "")
    assert said == f"auren-api runs {_id(1)}, of api:1, healthy after N s\n"
    (up,) = engine.calls("docker compose")
    assert up.endswith(f"/releases/{_id(1)}/compose.yml up --detach --no-deps --force-recreate api")
    assert (engine.root / "state/asked").read_text() == f"sh\n-c\n{CHECK}\n", "its health check, word for word"
    assert _links(engine) == {"current": _id(1)}


def test_an_image_that_somebody_removed_is_pulled_with_the_logins_of_the_registries(engine: Bench) -> None:
    """By `docker compose up`."""
    _switch(engine, 1)
    assert (engine.root / "state/logins").read_text() == f"{engine.root}/etc/auren/registries\n"


def test_a_container_counts_as_started_when_its_health_check_says_so(engine: Bench) -> None:
    """Asked at once and again: Docker itself asks only after an interval."""
    engine.state("slow", "7")
    assert _switch(engine, 1)[::2] == (0, "")
    assert len(engine.calls(CHECKS)) == 8
    assert len(_starts(engine)) == 1


def test_the_health_check_of_a_container_is_read_once_and_asked_again_soon_then_more_slowly(engine: Bench) -> None:
    engine.state("slow", "5")
    assert _switch(engine, 1)[0] == 0
    assert len(engine.calls(f"{READS}{{{{range .Config.Healthcheck")) == 1
    assert engine.calls("sleep") == ["sleep 0.05", "sleep 0.1", "sleep 0.2", "sleep 0.3", "sleep 0.3"]


def test_the_health_check_is_read_again_for_the_container_that_is_started_instead(running: Bench) -> None:
    """Each release has its own."""
    running.state("failures", "1000000")
    running.state("check next", "test -e /new")
    assert _switch(running, 1)[0] == 0
    assert (running.root / "state/asked").read_text() == "sh\n-c\ntest -e /new\n"


def test_what_is_accepted_is_on_the_disk(engine: Bench) -> None:
    """Pulumi takes it for deployed from then on."""
    _switch(engine, 1)
    assert engine.calls("sync") == [f"sync --file-system /var/lib/docker {SERVICE}", "sync /mnt/auren-data/history"]


def test_a_second_run_touches_nothing(running: Bench) -> None:
    assert _switch(running, 1)[0] == 0
    assert running.calls("docker compose") == []
    assert len(running.calls(CHECKS)) == 1


def test_another_release_is_started_and_the_one_before_stays_at_hand(running: Bench) -> None:
    assert _switch(running, 2)[0] == 0
    assert _starts(running) == [_id(2)]
    assert _links(running) == {"current": _id(2), "previous": _id(1)}


@pytest.mark.parametrize("verdict", ["1", "124", "137"], ids=["no", "hangs", "does not run"])
def test_a_container_that_does_not_work_is_started_anew(running: Bench, verdict: str) -> None:
    running.state("verdict", verdict)
    running.state("failures", "1000000")
    assert _switch(running, 1)[0] == 0
    assert _starts(running) == [_id(1)]
    assert _links(running) == {"current": _id(1)}


def test_a_container_is_not_given_up_for_one_bad_moment(running: Bench) -> None:
    running.state("failures", "2")
    assert _switch(running, 1)[0] == 0
    assert _starts(running) == []


def test_a_container_of_another_release_is_not_taken_for_this_one(running: Bench) -> None:
    """So is one whose start was cut before it was accepted."""
    running.state("release", _id(2))
    assert _switch(running, 1)[0] == 0
    assert _starts(running) == [_id(1)]


def test_a_container_that_is_not_the_accepted_one_is_started_anew(running: Bench) -> None:
    running.path(f"{SERVICE}/current").unlink()
    assert _switch(running, 1)[0] == 0
    assert _starts(running) == [_id(1)]
    assert _links(running) == {"current": _id(1)}


def test_a_link_that_leads_nowhere_is_not_kept_as_the_way_back(running: Bench) -> None:
    current = running.path(f"{SERVICE}/current")
    current.unlink()
    current.symlink_to("releases")
    assert _switch(running, 2)[0] == 0
    assert _links(running) == {"current": _id(2)}


def test_a_container_whose_release_was_repaired_is_started_anew(running: Bench) -> None:
    """It may have read what was wrong."""
    (_directory(running, 1) / "repaired").touch()
    for _ in range(2):
        assert _switch(running, 1)[0] == 0
    assert _starts(running) == [_id(1)]


def test_a_container_that_is_gone_is_started(running: Bench) -> None:
    (running.root / "state/id").unlink()
    assert _switch(running, 1)[0] == 0
    assert _starts(running) == [_id(1)]


def test_a_release_that_was_not_staged_is_no_release(running: Bench) -> None:
    (_directory(running, 2) / "text").unlink()
    status, _, fault = _switch(running, 2)
    assert status == 1
    assert fault.startswith(
        f"api: the release {_id(2)}, staged 2026-11-26T03:21:14.123456789Z, is not on this machine."
    )
    assert running.calls("docker compose") == []


def test_a_broken_release_gives_way_to_the_one_before(running: Bench) -> None:
    _stage(running, 9, "broken:9")
    status, _, said = _switch(running, 9)
    assert status == 1
    assert _starts(running) == [_id(9), _id(1)]
    assert _links(running) == {"current": _id(1), "failed": _id(9)}
    assert re.match(r"api did not become healthy: it ended 5 times within [0-9]+ s, with exit status 0\.\n", said)
    assert "  FATAL: the database is not there" in said
    assert "  1 connection refused" in said
    assert said.endswith(f"The release before it, {_id(1)}, runs again.\n")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"killed": "true"}, "api did not become healthy: it used more memory than its limit and was killed, within "),
        ({"status": "exited", "code": "3"}, "api did not become healthy: it ended 1 times within "),
        ({}, "api did not become healthy within 1 s: it runs, and its health check fails.\n"),
    ],
    ids=["memory", "ended", "hangs"],
)
def test_the_message_tells_what_happened(engine: Bench, state: dict[str, str], sentence: str) -> None:
    _stage(engine, 9, "hanging:9")
    for name, value in state.items():
        engine.state(name, value)
    status, _, said = _switch(engine, 9, bound="1")
    assert status == 1
    assert said.startswith(sentence)


def test_a_release_that_failed_is_tried_again_and_a_good_one_ends_it(running: Bench) -> None:
    _stage(running, 9, "broken:9")
    for _ in range(2):
        running.forget_calls()
        assert _switch(running, 9)[0] == 1
        assert _starts(running) == [_id(9), _id(1)]
    assert _switch(running, 3)[0] == 0
    assert _links(running) == {"current": _id(3), "previous": _id(1)}


def test_going_back_to_the_good_release_asks_it_and_touches_nothing(running: Bench) -> None:
    _stage(running, 9, "broken:9")
    _switch(running, 9)
    running.forget_calls()
    assert _switch(running, 1)[0] == 0
    assert _starts(running) == []
    assert len(running.calls(CHECKS)) == 1
    assert _links(running) == {"current": _id(1)}


def test_a_first_release_that_is_broken_has_no_way_back(engine: Bench) -> None:
    _stage(engine, 9, "broken:9")
    status, _, said = _switch(engine, 9)
    assert status == 1
    assert _starts(engine) == [_id(9)]
    assert said.endswith("There is no earlier release of api to go back to.\n")
    assert _links(engine) == {"failed": _id(9)}


def test_a_deployment_before_there_were_releases_is_a_way_back(engine: Bench) -> None:
    engine.path(EARLIER).mkdir(parents=True)
    engine.path(f"{EARLIER}/api.yml").write_text("image: api:0\n")
    _stage(engine, 9, "broken:9")
    status, _, said = _switch(engine, 9)
    assert status == 1
    assert _starts(engine) == [_id(9), "api.yml"]
    assert said.endswith("The container of the last good deployment runs again.\n")
    assert _switch(engine, 1)[0] == 0
    assert list(engine.path(EARLIER).iterdir()) == [], "from now on there are releases"


@pytest.mark.parametrize("left", [True, False], ids=["the old one is left", "none is left"])
def test_a_container_that_cannot_be_made_gives_way_as_well(running: Bench, left: bool) -> None:
    """There is nothing to ask for the reason then; that must not be the end of it."""
    if not left:
        (running.root / "state/id").unlink()
    running.state("up", "Error response from daemon: address already in use")
    status, _, said = _switch(running, 2)
    assert status == 1
    assert said.startswith("api could not be started:\n  Error response from daemon: address already in use\n")
    assert _starts(running) == [_id(2), _id(1)], "the way back is tried"
    assert said.endswith(f"The release before it, {_id(1)}, could not be started either.\n")


def test_the_last_three_releases_are_kept_with_their_images_and_secrets(engine: Bench) -> None:
    store = engine.path(f"{SERVICE}/secrets")
    store.mkdir()
    for number in range(11, 16):
        secret = store / f"key.{number}"
        secret.write_text("x")
        _deploy(engine, number)
        (_directory(engine, number) / "secrets/key").hardlink_to(secret)
        _grow_older(engine)
    _deploy(engine, 16)
    found = {path.name for path in engine.path(f"{SERVICE}/releases").iterdir()}
    assert found == {_id(number) for number in (14, 15, 16)}
    removed = engine.calls("docker image rm")
    assert removed[-3:] == ["docker image rm api:11", "docker image rm api:12", "docker image rm api:13"]
    assert {path.name for path in store.iterdir()} == {"key.14", "key.15"}


def test_an_image_that_another_release_has_is_kept(engine: Bench) -> None:
    other = engine.path("/opt/auren/services/bridge/releases/1")
    other.mkdir(parents=True)
    (other / "compose.yml").write_text("services:\n  bridge:\n    image: api:11\n")
    for number in range(11, 16):
        _deploy(engine, number)
        _grow_older(engine)
    assert not _directory(engine, 11).exists()
    assert "docker image rm api:11" not in engine.calls("docker image rm")
    assert "docker image rm api:12" in engine.calls("docker image rm")


def test_an_image_that_the_website_came_from_is_kept(engine: Bench) -> None:
    manifest = engine.path("/opt/auren/website/releases/1.manifest")
    manifest.parent.mkdir(parents=True)
    manifest.write_text("image api:11\n")
    for number in range(11, 16):
        _deploy(engine, number)
        _grow_older(engine)
    assert "docker image rm api:11" not in engine.calls("docker image rm")
    assert "docker image rm api:12" in engine.calls("docker image rm")


def test_what_runs_and_the_way_back_are_kept_however_many_fail(engine: Bench) -> None:
    for number in (11, 12):
        _deploy(engine, number)
        _grow_older(engine)
    for number in range(21, 26):
        _stage(engine, number, f"broken:{number}")
        assert _switch(engine, number)[0] == 1
        assert _directory(engine, number).exists(), "for a look"
        assert not _directory(engine, number - 1).exists()
        _grow_older(engine)
    _deploy(engine, 12)
    assert _directory(engine, 11).exists(), "the way back"
    _deploy(engine, 31)
    assert _links(engine) == {"current": _id(31), "previous": _id(12)}
    kept = {path.name for path in _directory(engine, 12).parent.iterdir()}
    assert kept == {_id(number) for number in (11, 12, 31)}, "three, and none that was refused"


def _deploy(bench: Bench, number: int) -> None:
    if not _directory(bench, number).exists():
        _stage(bench, number, f"api:{number}")
    assert _switch(bench, number)[0] == 0


def _grow_older(bench: Bench) -> None:
    """All that is there was put there two hours earlier."""
    for path in [*bench.path(f"{SERVICE}/releases").iterdir(), *bench.path(SERVICE).glob("secrets/*")]:
        moment = path.stat().st_mtime - 7200
        os.utime(path, (moment, moment))


def test_the_history_tells_what_became_of_each_release(running: Bench) -> None:
    _stage(running, 4, "api:broken")
    for number in (2, 2, 4, 1):
        _switch(running, number)
    assert _history(running) == [
        (_id(1), "accepted"),
        (_id(2), "accepted"),
        (_id(4), "refused"),
        (_id(1), "accepted"),
    ], "a look at a release that runs is no deployment"


def test_after_a_cut_in_front_of_its_line_in_the_history_the_next_run_writes_it(running: Bench) -> None:
    _switch(running, 2)
    history = running.path("/mnt/auren-data/history")
    history.write_text(history.read_text().splitlines(keepends=True)[0])
    for _ in range(2):
        assert "is healthy" in _switch(running, 2)[1]
        assert _history(running) == [(_id(1), "accepted"), (_id(2), "accepted")]


def test_a_history_that_cannot_be_written_stops_no_deployment(running: Bench) -> None:
    running.path("/mnt/auren-data/history").unlink()
    running.path("/mnt/auren-data").rmdir()
    status, said, fault = _switch(running, 2)
    assert (status, said) == (0, f"auren-api runs {_id(2)}, of api:2, healthy after N s\n")
    assert "The history /mnt/auren-data/history could not be written." in fault
    assert _links(running)["current"] == _id(2)
