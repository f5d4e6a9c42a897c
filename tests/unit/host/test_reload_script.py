"""reload.sh: nginx reads new files while it runs, goes back from wrong ones, and else gets a new container."""

from pathlib import Path

import pytest

from auren_infra.files import render
from tests.unit.configuration import planned
from tests.unit.drift.machine import AUREN, SERVICES
from tests.unit.host.bench import Bench, without_seconds

SERVICE = "/opt/auren/services/nginx"

DOCKER = r"""
service="${state%/state}/opt/auren/services/nginx"
conf() { cat "$service/$1/files/nginx.conf"; }
there() { [ -e "$state/made" ]; }
case "$*" in
"inspect --format {{index .Config.Labels \"auren.release\"}} auren-nginx") there && cat "$state/made" ;;
"inspect --format {{range .Config.Healthcheck.Test}}{{println .}}{{end}} auren-nginx")
    there && printf '%s\n' CMD check "" ;;
"inspect --format {{.RestartCount}} auren-nginx") if grep -q broken "$state/compose"; then echo 9; else echo 0; fi ;;
"inspect --format {{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.RestartCount}} auren-nginx")
    echo running 0 false 9 ;;
"inspect --format {{.Config.Image}} auren-nginx") sed -n 's/^ *image: //p' "$state/compose" ;;
"logs --tail 50 auren-nginx") echo "its last words" ;;
"exec auren-nginx check") ! grep -qE "sick|broken" "$state/read" "$state/compose" || { echo "is sick" >&2; exit 1; } ;;
"exec auren-nginx curl -fsS --max-time 5 http://127.0.0.1:8079/") cat "$state/told" ;;
"exec auren-nginx nginx -t -q -c "*"/releases/"*"/files/nginx.conf")
    file="${*: -1}"
    ! grep -q refused "$service/${file#*/etc/auren/}" || { echo "nginx: [emerg] unknown directive" >&2; exit 1; } ;;
"exec auren-nginx nginx -q -c "*"/etc/auren/live/files/nginx.conf -s reload")
    conf live | grep -qE "stuck|refused" && exit
    basename "$(readlink "$service/live")" >"$state/told"
    conf live >"$state/read" ;;
"compose "*" up --detach --no-deps --force-recreate nginx")
    file=$(sed -E 's/.* --file ([^ ]+) .*/\1/' <<<"$*")
    basename "$(dirname "$file")" >"$state/made"
    cp "$file" "$state/compose"
    rm -f "$state/told"
    cp "$(dirname "$file")/files/nginx.conf" "$state/read"
    if grep -q "services/nginx:" "$file"; then
        basename "$(readlink "$service/live")" >"$state/told"
        conf live >"$state/read"
    fi ;;
"image inspect --format {{.Id}} "*) printf '%s\n' "${@:5}" ;;
"image inspect "* | "image rm "*) ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
"""An engine with nginx in a container, which has read the files that `live` led to at its start, or at a reload."""

WORDS = {3: "refused", 4: "sick", 5: "stuck"}
"""Files that nginx does not accept, is not healthy with, or cannot change to while it runs."""
ANOTHER_IMAGE, A_BROKEN_IMAGE, OLDER = 11, 12, 21
"""Releases with another container. An older version of the program mounted each release by its own path."""


def _id(number: int) -> str:
    return f"{number:016x}"


def _directory(bench: Bench, number: int) -> Path:
    return bench.path(f"{SERVICE}/releases/{_id(number)}")


def _stage(bench: Bench, number: int) -> None:
    """As stage.sh leaves it."""
    directory = _directory(bench, number)
    if directory.exists():
        return
    (directory / "files").mkdir(parents=True)
    mounted = bench.path(SERVICE) if number != OLDER else directory / "files"
    image = {ANOTHER_IMAGE: "nginx:2", A_BROKEN_IMAGE: "broken:1"}.get(number, "nginx:1")
    text = f"services:\n  nginx:\n    image: {image}\n    volumes:\n    - {mounted}:/etc/auren:ro\n"
    (directory / "compose.yml").write_text(f"{text}    labels:\n      auren.release: {_id(number)}\n")
    (directory / "files/nginx.conf").write_text(f"{number} {WORDS.get(number, 'right')}\n")
    (directory / "text").write_text("compose\n")


def _reload(bench: Bench, number: int) -> tuple[int, str, str]:
    _stage(bench, number)
    done = bench.run("reload", "nginx", "90", data=f"{_id(number)} 2026-11-26T03:21:14.123456789Z")
    return done.returncode, without_seconds(done.stdout), done.stderr


@pytest.fixture
def engine(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER)
    bench.stub("systemctl")
    bench.path("/mnt/auren-data").mkdir()
    return bench


@pytest.fixture
def running(engine: Bench) -> Bench:
    """With the first release up and healthy."""
    assert _reload(engine, 1)[0] == 0
    engine.forget_calls()
    return engine


def _links(bench: Bench) -> dict[str, int]:
    links = [path for path in bench.path(SERVICE).iterdir() if path.is_symlink()]
    return {path.name: int(path.readlink().name, 16) for path in links}


def _lead(bench: Bench, **links: int) -> None:
    for name, number in links.items():
        _stage(bench, number)
        path = bench.path(f"{SERVICE}/{name}")
        path.unlink(missing_ok=True)
        path.symlink_to(f"releases/{_id(number)}")


def _has_read(bench: Bench) -> int:
    return int((bench.root / "state/read").read_text().split()[0])


def _made(bench: Bench) -> int:
    return int((bench.root / "state/made").read_text(), 16)


RELOAD = "docker exec auren-nginx nginx -q -c /etc/auren/live/files/nginx.conf -s reload"
RUNS = "auren-nginx runs {}, and was not restarted\n"


def _acts(bench: Bench) -> list[str]:
    """What was done to the container."""
    calls = bench.calls("docker compose", "docker exec auren-nginx nginx")
    return ["start" if "compose" in call else "reload" if call == RELOAD else "test" for call in calls]


def test_the_first_release_of_all_is_started(engine: Bench) -> None:
    assert _reload(engine, 1) == (0, f"auren-nginx runs {_id(1)}, of nginx:1, healthy after N s\n", "")
    assert (_acts(engine), _links(engine)) == (["start"], {"live": 1, "current": 1})


def test_other_files_are_tested_and_read_while_it_runs(running: Bench) -> None:
    assert _reload(running, 2) == (0, RUNS.format(_id(2)), "")
    assert (_acts(running), _has_read(running), _made(running)) == (["test", "reload"], 2, 1)
    assert _links(running) == {"live": 2, "current": 2, "previous": 1}
    assert running.calls("sync") == [f"sync --file-system /var/lib/docker {SERVICE}", "sync /mnt/auren-data/history"]


def test_a_second_run_touches_nothing(running: Bench) -> None:
    _reload(running, 2)
    running.forget_calls()
    assert _reload(running, 2) == (0, f"auren-nginx runs {_id(2)} and is healthy\n", "")
    assert _acts(running) == []


def test_a_change_that_is_taken_back_is_read_as_well(running: Bench) -> None:
    _reload(running, 2)
    assert _reload(running, 1)[0] == 0
    assert (_has_read(running), _made(running)) == (1, 1)
    assert _links(running) == {"live": 1, "current": 1, "previous": 2}


def test_any_other_change_takes_a_new_container(running: Bench) -> None:
    assert _reload(running, ANOTHER_IMAGE) == (
        0,
        f"auren-nginx runs {_id(ANOTHER_IMAGE)}, of nginx:2, healthy after N s\n",
        "",
    )
    assert (_acts(running), _made(running)) == (["start"], ANOTHER_IMAGE)
    assert _links(running) == {"live": ANOTHER_IMAGE, "current": ANOTHER_IMAGE, "previous": 1}


def test_a_new_container_that_does_not_become_healthy_gives_way_to_the_old_one_with_its_files(running: Bench) -> None:
    status, _, fault = _reload(running, A_BROKEN_IMAGE)
    assert status == 1
    assert fault.endswith(f"The release before it, {_id(1)}, runs again.\n")
    assert (_acts(running), _has_read(running), _made(running)) == (["start", "start"], 1, 1)
    assert _links(running) == {"live": 1, "current": 1, "failed": A_BROKEN_IMAGE}


def test_files_that_nginx_refuses_touch_nothing(running: Bench) -> None:
    status, said, fault = _reload(running, 3)
    assert (status, said) == (1, "")
    assert fault == (
        f"nginx does not accept the files of the release {_id(3)}:\n  nginx: [emerg] unknown directive\n"
        f"The release before it, {_id(1)}, still runs.\n"
    )
    assert (_acts(running), _has_read(running)) == (["test"], 1)
    assert _links(running) == {"live": 1, "current": 1, "failed": 3}


def test_files_that_nginx_is_not_healthy_with_give_way_without_a_restart(running: Bench) -> None:
    status, said, fault = _reload(running, 4)
    assert (status, said) == (1, "")
    assert fault == (
        f"nginx is not healthy with the files of the release {_id(4)}. Its health check said:\n  is sick\n"
        f"The release before it, {_id(1)}, runs again. auren-nginx was not restarted.\n"
    )
    assert (_acts(running), _has_read(running)) == (["test", "reload", "reload"], 1)
    assert _links(running) == {"live": 1, "current": 1, "failed": 4}


def test_what_nginx_cannot_change_while_it_runs_takes_a_new_container(running: Bench) -> None:
    """As the key of a zone. It refuses it in its log, and answers as before."""
    running.stub("sleep", "/bin/sleep 1")
    _stage(running, 5)
    text = running.text("reload").replace("patience=15", "patience=1")
    done = running.run("reload", "nginx", "90", data=f"{_id(5)} x", text=text)
    assert (done.returncode, without_seconds(done.stdout)) == (
        0,
        f"auren-nginx runs {_id(5)}, of nginx:1, healthy after N s\n",
    )
    assert (_acts(running), _has_read(running), _made(running)) == (["test", "reload", "start"], 5, 5)


@pytest.mark.parametrize("broken", [1, 2], ids=["what runs", "another release"])
def test_a_container_that_is_not_healthy_is_started_anew(running: Bench, broken: int) -> None:
    running.state("read", "sick")
    assert _reload(running, broken)[0] == 0
    assert _acts(running) == ["start"]
    assert _links(running)["current"] == _links(running)["live"] == broken


def test_a_container_that_is_gone_is_started(running: Bench) -> None:
    for name in ("made", "told"):
        (running.root / "state" / name).unlink()
    assert _reload(running, 2)[0] == 0
    assert (_acts(running), _has_read(running)) == (["start"], 2)


@pytest.mark.parametrize("number", [1, 2], ids=["back", "on"])
@pytest.mark.parametrize("has_read", [1, 2], ids=["before it was read", "behind that"])
def test_after_a_cut_the_next_run_reads_again_and_restarts_nothing(running: Bench, number: int, has_read: int) -> None:
    """A restart of the container has the effect of a reload."""
    _lead(running, live=2)
    running.state("told", _id(has_read))
    assert _reload(running, number) == (0, RUNS.format(_id(number)), "")
    assert (_acts(running), _has_read(running)) == (["test", "reload"], number)
    assert (_links(running)["live"], _links(running)["current"]) == (number, number)


def test_after_a_cut_on_the_way_back_the_old_files_are_read_again(running: Bench) -> None:
    running.state("told", _id(4))
    assert _reload(running, 1)[0] == 0
    assert (_acts(running), _has_read(running)) == (["test", "reload"], 1)


def test_a_cut_before_a_new_container_leaves_files_that_are_not_those_of_the_old_one(running: Bench) -> None:
    _lead(running, live=ANOTHER_IMAGE)
    assert _reload(running, 1)[0] == 0
    assert (_links(running)["live"], _has_read(running)) == (1, 1)
    _lead(running, live=ANOTHER_IMAGE)
    assert _reload(running, ANOTHER_IMAGE)[0] == 0
    assert _made(running) == ANOTHER_IMAGE


def test_a_link_that_is_gone_is_made_again(running: Bench) -> None:
    running.path(f"{SERVICE}/live").unlink()
    assert _reload(running, 1)[0] == 0
    assert (_acts(running), _links(running)) == (["test", "reload"], {"live": 1, "current": 1})


def test_the_release_that_the_container_was_made_from_is_kept(running: Bench) -> None:
    """Or nobody knew which releases have the same container."""
    for number in range(101, 108):
        assert _reload(running, number)[1] == RUNS.format(_id(number))
    assert _made(running) == 1
    assert not _directory(running, 101).exists(), "it is one of those that go"


def test_a_container_of_an_older_program_is_taken_over_by_a_new_one(engine: Bench) -> None:
    _stage(engine, OLDER)
    engine.run("switch", "nginx", "90", data=f"{_id(OLDER)} x")
    engine.forget_calls()
    assert _links(engine) == {"current": OLDER}
    assert _reload(engine, 1)[0] == 0
    assert _reload(engine, 2)[1] == RUNS.format(_id(2))
    assert _acts(engine) == ["start", "test", "reload"]


def test_a_container_of_an_older_program_is_a_way_back(engine: Bench) -> None:
    _stage(engine, OLDER)
    engine.run("switch", "nginx", "90", data=f"{_id(OLDER)} x")
    assert _reload(engine, A_BROKEN_IMAGE)[0] == 1
    assert (_made(engine), _has_read(engine)) == (OLDER, OLDER)
    assert _reload(engine, 1)[0] == 0
    assert (_made(engine), _has_read(engine)) == (1, 1)


@pytest.mark.parametrize(("name", "act"), [("files/nginx.conf", "reload"), ("compose.yml", "start")])
def test_what_was_repaired_is_read_again(running: Bench, name: str, act: str) -> None:
    """The container may have read what was wrong."""
    (_directory(running, 1) / "repaired").write_text(f"{name}\n")
    for _ in range(2):
        assert _reload(running, 1)[0] == 0
    assert _acts(running) == [*(["test"] if act == "reload" else []), act]


def test_nginx_says_where_the_scripts_ask_which_release_it_has_read() -> None:
    text = render.service_files(planned(AUREN), SERVICES["nginx"])["nginx.conf"]
    (server,) = (part for part in text.split("    server {")[1:] if "@RELEASE@" in part)
    assert "listen 127.0.0.1:8079;" in server
    assert 'http://127.0.0.1:8079/"' in DOCKER


def test_the_history_tells_what_became_of_each_release(running: Bench) -> None:
    for number in (2, 2, 3, 4, ANOTHER_IMAGE):
        _reload(running, number)
    lines = [line.split("\t") for line in running.path("/mnt/auren-data/history").read_text().splitlines()]
    assert [(int(release, 16), event) for _, _, release, event, *_ in lines] == [
        (1, "accepted"),
        (2, "accepted"),
        (3, "refused"),
        (4, "refused"),
        (ANOTHER_IMAGE, "accepted"),
    ]
