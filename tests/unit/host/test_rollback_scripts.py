"""rollback.sh and list_releases.sh, which stay on the machine: what is started, what is refused, and what is shown."""

import fcntl
import os
import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from auren_infra.bundle import pack
from tests.unit.host.bench import Bench

SERVICES = "/opt/auren/services"
PROGRAMS = "/usr/local/lib/auren"
HISTORY = "/mnt/auren-data/history"
FIRST, SECOND, THIRD = (f"{number:016x}" for number in (1, 2, 3))
STARTS = "api start_first 120 60 kafka-ui\nredis switch 40\n"
STARTS_IT = """#!/usr/bin/env bash
line=$(cat)
printf '%s ' "$0" "$@" "< $line" >>"$CALLED"
now=$(readlink "SERVICES/$1/current")
[ -z "${ROLLBACK:-}" ] || [ "$now" = "releases/${line%% *}" ] || touch "SERVICES/$1/rolled-back"
"""


@pytest.fixture
def machine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The API was deployed twice, and a third release of it has failed."""
    programs = bench.path(PROGRAMS)
    programs.mkdir(parents=True)
    (programs / "starts").write_text(STARTS)
    for program in ("switch", "start_first"):
        (programs / program).write_text(STARTS_IT.replace("SERVICES", str(bench.path(SERVICES))))
        (programs / program).chmod(0o755)
    bench.path("/run/lock").mkdir(parents=True)
    bench.path(HISTORY).parent.mkdir(parents=True)
    bench.stub("docker", 'grep -q revised <<<"$*" && echo 0123456789abcdef0123456789abcdef01234567 || exit 0')
    for number, (release, image) in enumerate({FIRST: "api:1", SECOND: "revised", THIRD: "api:3"}.items()):
        directory = bench.path(f"{SERVICES}/api/releases/{release}")
        directory.mkdir(parents=True)
        (directory / "compose.yml").write_text(f"services:\n  api:\n    image: {image}\n")
        (directory / "text").touch()
        os.utime(directory, (1_800_000_000 + number, 1_800_000_000 + number))
    for link, release in {"previous": FIRST, "current": SECOND, "failed": THIRD}.items():
        bench.path(f"{SERVICES}/api/{link}").symlink_to(f"releases/{release}")
    return bench


def _rollback(machine: Bench, *arguments: str, connection: str = "") -> CompletedProcess[str]:
    login = {"SSH_CONNECTION": connection} if connection else {}
    return machine.run("rollback", *arguments, text=None, by_socket=False, CALLED=str(machine.path("/called")), **login)


def _called(machine: Bench) -> str:
    path = machine.path("/called")
    return path.read_text().replace(str(machine.root), "") if path.exists() else ""


def _history(machine: Bench) -> list[list[str]]:
    path = machine.path(HISTORY)
    return [line.split("\t")[1:] for line in path.read_text().splitlines()] if path.exists() else []


def test_the_release_before_is_started_as_a_deployment_starts_it(machine: Bench) -> None:
    done = _rollback(machine, "api", connection="198.51.100.7 50000 198.51.100.129 22")
    assert (done.returncode, done.stderr) == (0, "")
    assert _called(machine) == f"{PROGRAMS}/start_first api 120 60 kafka-ui < {FIRST} asked for by auren-rollback "
    assert _history(machine) == [["api", FIRST, "rollback", "api:1", "-", "198.51.100.7"]]


def test_a_release_that_is_named_is_started(machine: Bench) -> None:
    assert _rollback(machine, "api", THIRD).returncode == 0
    assert f"< {THIRD} " in _called(machine)


def test_a_second_rollback_names_its_release(machine: Bench) -> None:
    """Without one it would lead back to what was left."""
    assert _rollback(machine, "api").returncode == 0
    machine.path("/called").unlink()
    done = _rollback(machine, "api")
    assert (done.returncode, _called(machine)) == (1, "")
    assert "api was rolled back already. Name the release: auren-rollback api RELEASE." in done.stderr
    assert _rollback(machine, "api", SECOND).returncode == 0


def test_it_comes_to_its_end_when_whoever_asked_for_it_is_gone(machine: Bench) -> None:
    """A connection that is lost closes the output, and hangs up."""
    machine.path(f"{PROGRAMS}/start_first").write_text(
        "#!/usr/bin/env bash\nkill -HUP $$ $PPID\necho healthy\ntouch $CALLED\n"
    )
    assert _rollback(machine, "api").returncode == 0
    assert machine.path("/called").exists()


def _give(machine: Bench, service: str, release: str, name: str, value: str) -> None:
    directory = machine.path(f"{SERVICES}/{service}/releases/{release}/secrets")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(value)


def test_a_password_that_others_log_in_with_is_not_rolled_back(machine: Bench) -> None:
    """Redis would take the one of that time, and the API has the one of now."""
    redis = machine.path(f"{SERVICES}/redis")
    for release, password in ((FIRST, "old"), (SECOND, "new")):
        _give(machine, "redis", release, "redis_password", password)
        (redis / f"releases/{release}/text").touch()
    (redis / "current").symlink_to(f"releases/{SECOND}")
    (redis / "previous").symlink_to(f"releases/{FIRST}")
    _give(machine, "api", SECOND, "redis_password", "new")
    _give(machine, "api", FIRST, "api_key", "earlier")
    _give(machine, "api", SECOND, "api_key", "now")
    done = _rollback(machine, "redis")
    assert (done.returncode, _called(machine), _history(machine)) == (1, "", [])
    assert "redis has had another redis_password since then, which other services log in with" in done.stderr
    assert _rollback(machine, "api").returncode == 0, "a secret of its own is its own business"
    _give(machine, "api", SECOND, "redis_password", "old")
    assert _rollback(machine, "redis").returncode == 0, "an update was cut before the API had the new one"


def test_while_a_cut_deployment_is_not_accepted_a_rollback_names_its_release(machine: Bench) -> None:
    """`previous` is not the one that serves then, but the one before."""
    machine.path(f"{SERVICES}/api/next").symlink_to(f"releases/{THIRD}")
    done = _rollback(machine, "api")
    assert (done.returncode, _called(machine)) == (1, "")
    assert "A deployment of api was cut, and nobody has accepted its release yet." in done.stderr
    assert _rollback(machine, "api", SECOND).returncode == 0


def test_the_running_release_is_looked_at_and_counts_as_no_rollback(machine: Bench) -> None:
    assert _rollback(machine, "api", SECOND).returncode == 0
    assert f"< {SECOND} " in _called(machine)
    assert not machine.path(f"{SERVICES}/api/rolled-back").exists()


def test_one_that_does_not_become_healthy_is_told_and_is_no_rollback(machine: Bench) -> None:
    machine.path(f"{PROGRAMS}/start_first").write_text("#!/usr/bin/env bash\necho 'api did not' >&2\nexit 1\n")
    done = _rollback(machine, "api")
    assert (done.returncode, done.stderr) == (1, "api did not\n")
    assert not machine.path(f"{SERVICES}/api/rolled-back").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "usage: auren-rollback SERVICE [RELEASE]"),
        (("api", FIRST, "now"), "usage: auren-rollback SERVICE [RELEASE]"),
        (("ap",), "There is no service ap. The services are: api redis"),
        (("../api",), "There is no service ../api."),
        (("redis",), "redis was not deployed yet."),
        (("api", f"{4:016x}"), f"api has no release {4:016x} on this machine. auren-releases api shows those"),
        (("api", "../../redis"), "api has no release ../../redis on this machine."),
    ],
    ids=["nothing", "too much", "unknown", "a path", "never deployed", "a release that is gone", "no release"],
)
def test_what_cannot_be_done_is_refused(machine: Bench, arguments: tuple[str, ...], said: str) -> None:
    done = _rollback(machine, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert (_called(machine), _history(machine)) == ("", [])


def test_a_service_that_was_deployed_once_has_nothing_to_go_back_to(machine: Bench) -> None:
    machine.path(f"{SERVICES}/api/previous").unlink()
    done = _rollback(machine, "api")
    assert (done.returncode, done.stderr) == (1, "api has no earlier release on this machine.\n")


def test_a_deployment_that_is_under_way_is_waited_for(machine: Bench) -> None:
    machine.stub("flock", "exit 1")
    done = _rollback(machine, "api")
    assert done.returncode == 1
    assert machine.calls("flock") == ["flock --nonblock 9", "flock --wait 300 9"]
    assert "Something is at work on api, such as a deployment, a restore or the watchdog\nWaiting for" in done.stderr
    assert "It has not ended. Nothing was done." in done.stderr


def test_a_deployment_that_fails_meanwhile_has_left_nothing_to_roll_back(machine: Bench) -> None:
    machine.stub("flock", "[ $1 = --wait ]")
    done = _rollback(machine, "api")
    assert (done.returncode, _called(machine), _history(machine)) == (0, "", [])
    assert f"api runs the release {SECOND} as before. Nothing was rolled back." in done.stdout
    assert _rollback(machine, "api", FIRST).returncode == 0
    assert f"< {FIRST} " in _called(machine)


def test_a_deployment_that_succeeds_meanwhile_is_rolled_back(machine: Bench) -> None:
    services = machine.path(f"{SERVICES}/api")
    accept = f"ln -sfn releases/{THIRD} {services}/current; ln -sfn releases/{SECOND} {services}/previous"
    machine.stub("flock", f"[ $1 = --wait ] || {{ {accept}; exit 1; }}")
    assert _rollback(machine, "api").returncode == 0
    assert f"< {SECOND} " in _called(machine)


def test_a_revision_that_an_image_names_writes_no_other_line_of_the_history(machine: Bench) -> None:
    machine.stub("docker", r"printf 'abc\n2026\tredis\tx\taccepted\n\033[31m'")
    assert _rollback(machine, "api").returncode == 0
    assert [line[-2] for line in _history(machine)] == ["abc2026redisxaccepted31m"]


def test_its_lock_is_that_of_deployments(machine: Bench) -> None:
    with machine.path("/run/lock/auren-api").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        machine.path(f"{PROGRAMS}/start_first").write_text("#!/usr/bin/env bash\n")
        program = machine.text("rollback").replace("--wait 300", "--wait 0")
        with machine.path("/run/lock/auren-deployment").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            held.write("ada@laptop, since 2027-01-15T08:00:00Z, commit 0123abc: Say more\n")
            held.flush()
            done = machine.run("rollback", "api", text=program)
            shown = machine.run("list_releases").stdout
    whose = "ada@laptop, since 2027-01-15T08:00:00Z, commit 0123abc: Say more\n"
    assert f"or the watchdog: {whose}" in done.stderr
    assert shown.endswith(f"\n\nA deployment is under way: {whose}")
    assert "under way" not in machine.run("list_releases").stdout


def test_it_does_not_wait_for_a_deployment_of_another_service(machine: Bench) -> None:
    with machine.path("/run/lock/auren-deployment").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert _rollback(machine, "api").returncode == 0
    assert f"< {FIRST} " in _called(machine)


def test_the_releases_are_shown_with_their_state_and_the_history(machine: Bench) -> None:
    _rollback(machine, "api", FIRST)
    done = machine.run("list_releases")
    assert (done.returncode, done.stderr) == (0, "")
    releases, history = done.stdout.split("\n\n")
    assert [re.split(" +", line) for line in releases.splitlines()] == [
        ["SERVICE", "RELEASE", "STATE", "SINCE", "COMMIT", "IMAGE"],
        ["api", THIRD, "failed", "2027-01-15T08:00:02Z", "-", "api:3"],
        ["api", SECOND, "current", "2027-01-15T08:00:01Z", "0123456789ab", "revised"],
        ["api", FIRST, "previous", "2027-01-15T08:00:00Z", "-", "api:1"],
    ]
    head, *events = [re.split(" +", line) for line in history.splitlines()]
    assert head == ["TIME", "SERVICE", "RELEASE", "EVENT", "FROM", "COMMIT", "IMAGE"]
    assert [event[1:] for event in events] == [["api", FIRST, "rollback", "-", "-", "api:1"]]


def test_the_releases_of_one_service_are_shown_and_of_no_unknown_one(machine: Bench) -> None:
    machine.path(HISTORY).write_text("".join(f"T\t{name}\tid\taccepted\timage\t-\t-\n" for name in ("redis", "api")))
    shown = machine.run("list_releases", "api").stdout
    assert "redis" not in shown
    assert re.search("^T +api ", shown, re.MULTILINE)
    done = machine.run("list_releases", "ap")
    assert (done.returncode, done.stderr) == (1, "There is no service ap on this machine.\n")


def test_programs_are_put_where_they_are_called(bench: Bench) -> None:
    bench.path("/usr/local/sbin").mkdir(parents=True)
    bench.path("/usr/local/lib/auren").mkdir(parents=True)
    for path in ("/usr/local/sbin/auren-backup", f"{PROGRAMS}/fill-volumes"):
        bench.path(path).write_text("of before auren:backups was emptied\n")
    files = {"stop": "#!/bin/sh\n", "starts": STARTS, "auren-rollback": "#!/bin/sh\n"}
    for _ in range(2):
        done = bench.run("programs", data=pack(files))
        assert (done.returncode, done.stderr) == (0, "")
        places = {path: path.stat().st_mode & 0o777 for path in _below(bench.path("/usr/local"))}
        assert places == {
            bench.path(f"{PROGRAMS}/stop"): 0o755,
            bench.path(f"{PROGRAMS}/starts"): 0o644,
            bench.path("/usr/local/sbin/auren-rollback"): 0o755,
        }
        assert bench.path(f"{PROGRAMS}/starts").read_text() == STARTS


def _below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]
