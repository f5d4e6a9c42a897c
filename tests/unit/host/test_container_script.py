"""container.sh: what is touched, what is left alone, and the way back."""

import pytest

from tests.unit.host.bench import Bench

COMPOSE_FILE = "/opt/auren/docker-compose.prod.yml"
STARTED = "/var/lib/auren/started/api"

CHECK = "test -n '$HOME' && echo \"a  b\""
"""A health check whose words a shell would take apart."""

DOCKER = r"""
kept() { cat "$state/$1" 2>/dev/null || echo "${2-}"; }
case "$*" in
"inspect --format {{.Id}} auren-api") [ -e "$state/id" ] && cat "$state/id" ;;
"inspect --format {{range .Config.Healthcheck.Test}}{{println .}}{{end}} auren-api")
    [ -e "$state/id" ] && printf '%s\n' CMD sh -c "$(cat "$state/check")" "" ;;
"inspect --format {{.RestartCount}} auren-api")
    kept restarts 0
    if grep -q broken "$state/image"; then echo $(($(kept restarts 0) + 1)) >"$state/restarts"; fi ;;
"inspect --format {{.Config.Image}} auren-api") cat "$state/image" ;;
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
"exec --interactive auren-api "*) cat >"$state/judged"; kept opinion; exit "$(kept preflight 0)" ;;
"compose "*" pull --policy missing api") kept registry; exit "$(kept pull 0)" ;;
"compose "*" up "*" api")
    if [ -e "$state/up" ]; then cat "$state/up" >&2; exit 1; fi
    file=$(sed -E 's/.* --file ([^ ]+) .*/\1/' <<<"$*")
    echo "id $(($(wc -l <"$state/ids") + 1))" | tee -a "$state/ids" >"$state/id"
    cp "$file" "$state/image"
    echo 0 >"$state/restarts"
    if grep -qE "broken|hanging" "$file"; then echo 1000000; else kept slow 0; fi >"$state/failures" ;;
*) echo "not expected: docker $*" >&2; exit 98 ;;
esac
"""
"""An engine with one container. Its health check works after `slow` failures; never, when its compose file has the word
"broken", for one that ends again and again, or "hanging"."""


@pytest.fixture
def engine(bench: Bench) -> Bench:
    bench.stub("docker", DOCKER)
    bench.stub("sync")
    (bench.root / "state/ids").touch()
    bench.state("check", CHECK)
    bench.path(COMPOSE_FILE).write_text("image: api:1\n")
    return bench


@pytest.fixture
def running(engine: Bench) -> Bench:
    """With the first deployment up and healthy."""
    assert engine.run("container", "api", "90", data="specification 1\n").returncode == 0
    engine.forget_calls()
    return engine


CHECKS = "docker exec auren-api "


def _starts(bench: Bench) -> list[str]:
    return [call for call in bench.calls("docker compose") if " up " in call]


def test_a_first_container_is_pulled_started_and_waited_for(engine: Bench) -> None:
    done = engine.run("container", "api", "90", data="specification 1\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "image: api:1\n", "the image that runs is what the command says"
    compose = f"docker compose --ansi never --progress quiet --file {COMPOSE_FILE}"
    assert engine.calls("docker compose") == [
        f"{compose} pull --policy missing api",
        f"{compose} up --detach --no-deps --force-recreate api",
    ]
    assert (engine.root / "state/asked").read_text() == f"sh\n-c\n{CHECK}\n", "its health check, word for word"


def test_a_container_counts_as_started_when_its_health_check_says_so(engine: Bench) -> None:
    """Asked at once and again: Docker itself asks only after an interval."""
    engine.state("slow", "7")
    done = engine.run("container", "api", "90", data="specification 1\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(engine.calls(CHECKS)) == 8
    assert len(_starts(engine)) == 1


def test_an_image_is_whole_on_the_disk_before_anything_starts_from_it(engine: Bench) -> None:
    """Docker takes an image that a power cut has left with holes for whole ever after."""
    engine.run("container", "api", "90", data="specification 1\n")
    pull, sync, up, stamped = engine.calls("docker compose", "sync")
    assert " pull " in pull
    assert sync == "sync --file-system /var/lib/docker"
    assert stamped == "sync --file-system /var/lib/docker /var/lib/auren/started", "nor the container, and its stamp"
    assert " up " in up


def test_a_second_run_touches_nothing(running: Bench) -> None:
    done = running.run("container", "api", "90", data="specification 1\n")
    assert done.returncode == 0
    assert running.calls("docker compose", "docker exec --interactive") == []
    assert len(running.calls(CHECKS)) == 1


def test_a_changed_specification_starts_it_anew(running: Bench) -> None:
    assert running.run("container", "api", "90", data="specification 2\n").returncode == 0
    assert len(_starts(running)) == 1
    running.forget_calls()
    assert running.run("container", "api", "90", data="specification 2\n").returncode == 0
    assert _starts(running) == []


@pytest.mark.parametrize("verdict", ["1", "124", "137"], ids=["no", "hangs", "does not run"])
def test_a_container_that_does_not_work_is_started_anew(running: Bench, verdict: str) -> None:
    running.state("verdict", verdict)
    running.state("failures", "1000000")
    assert running.run("container", "api", "90", data="specification 1\n").returncode == 0
    assert len(_starts(running)) == 1


def test_a_container_is_not_given_up_for_one_bad_moment(running: Bench) -> None:
    running.state("failures", "2")
    assert running.run("container", "api", "90", data="specification 1\n").returncode == 0
    assert running.calls("docker compose") == []


def test_a_container_that_somebody_else_made_is_not_taken_for_ours(running: Bench) -> None:
    """So is one whose start was cut before it was noted down."""
    running.state("id", "another")
    assert running.run("container", "api", "90", data="specification 1\n").returncode == 0
    assert len(_starts(running)) == 1


def test_a_container_that_is_gone_is_started(running: Bench) -> None:
    (running.root / "state/id").unlink()
    assert running.run("container", "api", "90", data="specification 1\n").returncode == 0
    assert len(_starts(running)) == 1


def test_a_broken_deployment_gives_way_to_the_one_before(running: Bench) -> None:
    running.path(COMPOSE_FILE).write_text("image: broken:2\n")
    done = running.run("container", "api", "90", data="specification 2\n")
    assert done.returncode == 1
    assert [call.split("--file ")[1].split()[0] for call in _starts(running)] == [COMPOSE_FILE, f"{STARTED}.yml"]
    assert (running.root / "state/image").read_text() == "image: api:1\n"
    said = done.stderr
    assert said.startswith("api did not become healthy within 90 s.\n")
    assert "  FATAL: the database is not there" in said
    assert "  1 connection refused" in said
    assert (running.root / "state/restarts").read_text() == "0\n"
    assert said.endswith("The container of the last good deployment is running again.\n")


def test_a_broken_deployment_is_tried_again_by_the_next_run(running: Bench) -> None:
    """And the one before stays the way back, however often it fails."""
    running.path(COMPOSE_FILE).write_text("image: broken:2\n")
    for _ in range(2):
        running.forget_calls()
        assert running.run("container", "api", "90", data="specification 2\n").returncode == 1
        assert len(_starts(running)) == 2
    running.path(COMPOSE_FILE).write_text("image: api:3\n")
    assert running.run("container", "api", "90", data="specification 3\n").returncode == 0
    assert (running.root / "state/image").read_text() == "image: api:3\n"


def test_going_back_to_the_good_specification_is_done_and_not_just_believed(running: Bench) -> None:
    running.path(COMPOSE_FILE).write_text("image: broken:2\n")
    running.run("container", "api", "90", data="specification 2\n")
    running.path(COMPOSE_FILE).write_text("image: api:1\n")
    running.forget_calls()
    assert running.run("container", "api", "90", data="specification 1\n").returncode == 0
    assert len(_starts(running)) == 1


def test_a_first_deployment_that_is_broken_has_no_way_back(engine: Bench) -> None:
    engine.path(COMPOSE_FILE).write_text("image: broken:1\n")
    done = engine.run("container", "api", "90", data="specification 1\n")
    assert done.returncode == 1
    assert len(_starts(engine)) == 1
    assert "FATAL: the database is not there" in done.stderr
    assert "running again" not in done.stderr


def test_a_container_that_ends_again_and_again_is_not_waited_for(engine: Bench) -> None:
    engine.path(COMPOSE_FILE).write_text("image: broken:1\n")
    assert engine.run("container", "api", "90", data="specification 1\n").returncode == 1
    assert len(engine.calls(CHECKS)) == 5


def test_the_wait_for_a_container_that_hangs_has_an_end(engine: Bench) -> None:
    engine.path(COMPOSE_FILE).write_text("image: hanging:1\n")
    done = engine.run("container", "api", "1", data="specification 1\n")
    assert done.returncode == 1
    assert done.stderr.startswith("api did not become healthy within 1 s.\n")


@pytest.mark.parametrize("left", [True, False], ids=["the old one is left", "none is left"])
def test_a_container_that_cannot_be_made_gives_way_as_well(running: Bench, left: bool) -> None:
    """There is nothing to ask for the reason then; that must not be the end of it."""
    if not left:
        (running.root / "state/id").unlink()
    running.state("up", "Error response from daemon: address already in use")
    done = running.run("container", "api", "90", data="specification 2\n")
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert len(_starts(running)) == 2, "the way back is tried"


def test_the_error_does_not_promise_what_failed_as_well(running: Bench) -> None:
    running.path(COMPOSE_FILE).write_text("image: broken:2\n")
    running.path(f"{STARTED}.yml").write_text("image: broken:1\n")
    done = running.run("container", "api", "90", data="specification 2\n")
    assert done.returncode == 1
    assert "running again" not in done.stderr


@pytest.mark.parametrize("fault", ["manifest for api:2 not found", "yaml: line 3: mapping values are not allowed"])
def test_an_image_or_a_compose_file_that_is_not_right_costs_nothing(running: Bench, fault: str) -> None:
    running.state("pull", "1")
    running.state("registry", fault)
    done = running.run("container", "api", "90", data="specification 2\n")
    assert done.returncode == 1
    assert fault in done.stderr
    said = f"The image of api could not be pulled, or {COMPOSE_FILE} is not right; what ran before still runs."
    assert said in done.stderr
    assert _starts(running) == []
    running.forget_calls()
    assert running.run("container", "api", "90", data="specification 1\n").returncode == 0
    assert running.calls("docker compose") == [], "the old one still counts as started"


PREFLIGHT = ("/etc/nginx.conf", "nginx", "-t", "-c", "/dev/stdin")


def _judged(bench: Bench) -> tuple[str, ...]:
    bench.path(PREFLIGHT[0]).write_text("events {}\n")
    return (str(bench.path(PREFLIGHT[0])), *PREFLIGHT[1:])


def test_a_file_that_the_running_container_refuses_costs_nothing(running: Bench) -> None:
    running.state("preflight", "1")
    running.state("opinion", 'unknown directive "evnts"')
    done = running.run("container", "api", "90", *_judged(running), data="specification 2\n")
    assert done.returncode == 1
    assert 'unknown directive "evnts"' in done.stderr
    assert "api would not accept /etc/nginx.conf; the container that ran before still runs." in done.stderr
    assert _starts(running) == []


def test_the_running_container_sees_the_file_that_the_new_one_will_read(running: Bench) -> None:
    assert running.run("container", "api", "90", *_judged(running), data="specification 2\n").returncode == 0
    assert running.calls("docker exec --interactive") == ["docker exec --interactive auren-api nginx -t -c /dev/stdin"]
    assert (running.root / "state/judged").read_text() == "events {}\n"
    assert len(_starts(running)) == 1


def test_a_container_that_does_not_run_is_not_asked(engine: Bench) -> None:
    engine.state("preflight", "1")
    assert engine.run("container", "api", "90", *_judged(engine), data="specification 1\n").returncode == 0
    assert engine.calls("docker exec --interactive") == []
