"""restore.sh, which stays on the machine as auren-restore: the database of before is kept, whatever fails or is cut."""

import fcntl
import json
import re
from subprocess import CompletedProcess

import pytest

from tests.unit.host.bench import Bench
from tests.unit.host.database_machine import (
    HISTORY,
    MEMORY,
    RELEASE,
    VOLUME,
    content,
    events,
    fails,
    listed,
    logged,
    set_up,
)

BEFORE = {"PG_VERSION": "17\n", "what": "of before\n"}
RESTORED = {"PG_VERSION": "17\n", "what": "restored\n"}
TIME = "2026-11-27T01:30:00Z"


@pytest.fixture
def machine(bench: Bench) -> Bench:
    machine = set_up(bench)
    listed(machine, "info.after", [("20261127-010000F", 1795741200, 1), ("20261127-020000F", 1795744800, 1)])
    return machine


def _restore(machine: Bench, *arguments: str, text: str | None = None) -> CompletedProcess[str]:
    return machine.run("restore", *arguments, text=text)


def _kept(machine: Bench) -> list[dict[str, str]]:
    return [content(path) for path in machine.path("/mnt/auren-data").glob("postgres_data.before-*")]


def _restored_by(machine: Bench) -> list[str]:
    return [call for call in machine.calls("docker compose") if " --name auren-postgres-restore " in call]


def _is_restored(machine: Bench) -> None:
    assert content(machine.path(VOLUME)) == RESTORED
    assert _kept(machine) == [BEFORE]
    assert not machine.path(f"{MEMORY}/restoring").exists()
    assert machine.path("/state/served").read_text() == "restored\n"
    assert events(machine)[-1] == ["postgres", RELEASE, "restored", "latest"]


def test_the_database_is_restored_and_the_one_of_before_is_kept(machine: Bench) -> None:
    done = _restore(machine, "to", "latest")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert re.fullmatch(
        r"PostgreSQL was restored to latest: 3 rows in 1 tables\. What was there before is kept as postgres_data\.b.*",
        first,
    )
    assert second == "20261127-020000F: a backup (full) of 0 MB of data, listed in the bucket"
    _is_restored(machine)
    assert events(machine) == [["postgres", RELEASE, word, "latest"] for word in ("restoring", "restored")]
    shown = _restore(machine, "kept").stdout
    assert re.fullmatch(r"postgres_data\.before-\d{8}T\d{6}Z\t100 MB\n", shown)


def test_a_target_in_the_past_of_the_bucket_is_handed_on(machine: Bench) -> None:
    assert _restore(machine, "to", TIME, "--as-of", "2026-11-27T02:00:00Z").returncode == 0
    (restored,) = [call for call in machine.calls("docker compose") if "--volume" in call]
    assert restored.endswith(" postgres-restore time 2026-11-27 01:30:00+00 --as-of 2026-11-27 02:00:00+00")
    assert events(machine)[0][3] == f"{TIME} --as-of 2026-11-27T02:00:00Z"


def test_a_restore_that_fails_leaves_the_database_of_before_running(machine: Bench) -> None:
    fails(machine, "restore", "ERROR: [029]: zst error: [-20] Data corruption detected")
    done = _restore(machine, "to", "latest")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "PostgreSQL was not restored. A file of the backup 20261127-010000F in the bucket is damaged."
    )
    assert done.stderr.endswith("The database of before runs again, and nothing of it was changed.\n")
    assert content(machine.path(VOLUME)) == BEFORE
    assert machine.path("/state/served").read_text() == "of before\n"
    assert _kept(machine) == []
    assert not machine.path(f"{MEMORY}/restoring").exists()
    assert events(machine)[-1][2] == "restore-failed"
    machine.path("/state/restore.fails").unlink()
    assert _restore(machine, "to", "latest").returncode == 0


def test_a_database_of_before_that_does_not_start_either_is_told(machine: Bench) -> None:
    fails(machine, "restore", "no backup set found to restore")
    fails(machine, "up", "no")
    assert "is in its place, and its container did not become healthy" in _restore(machine, "to", "latest").stderr


def test_whoever_ran_the_container_may_fail_behind_its_end(machine: Bench) -> None:
    """What was restored is in its place then, and the database of before is not moved into it."""
    fails(machine, "late", "the connection to Docker was lost")
    assert _restore(machine, "to", "latest").returncode == 0
    _is_restored(machine)


def test_a_time_of_now_is_behind_a_commit(machine: Bench) -> None:
    """Or PostgreSQL would not find the end of its replay. Without a database that answers, it is tried all the same."""
    assert _restore(machine, "to", TIME).returncode == 0
    assert machine.path("/state/sql").read_text().startswith("INSERT INTO auren_backup.sentinel")


CUTS = {
    "before anything": "    passed aside || put_aside\n",
    "when the container was stopped": '    make "$volume/.restored" "$kept"\n',
    "while it is put aside": '    shift_content "$volume" "$kept"\n',
    "before the restore": "    is_whole || restore_into",
    "before the start": '    run_again || fail "PostgreSQL was restored',
    "before the end": "    event restored\n",
}


@pytest.mark.parametrize("line", CUTS.values(), ids=CUTS.keys())
def test_a_restore_that_was_cut_is_finished_by_the_same_call(machine: Bench, line: str) -> None:
    cut = _restore(machine, "to", "latest", text=machine.cut_before("restore", line))
    assert cut.returncode == -9
    whole = machine.path(f"{VOLUME}/PG_VERSION").exists()
    assert whole or machine.path(f"{VOLUME}/.restored").exists(), "or the container would make an empty database"
    other = _restore(machine, "to", TIME)
    assert (other.returncode, other.stderr) == (
        1,
        "Another restore was cut. Finish it first: auren-restore to latest\n",
    )
    machine.path("/state/served").unlink(missing_ok=True)
    done = _restore(machine, "to", "latest")
    assert (done.returncode, done.stderr) == (0, "Going on with the restore to latest that was cut.\n")
    _is_restored(machine)


@pytest.mark.parametrize("line", ["    put_back\n", '    [ ! -e "$kept/PG_VERSION" ] ||', "    event restore-failed\n"])
def test_the_way_back_that_was_cut_is_finished_too(machine: Bench, line: str) -> None:
    fails(machine, "restore", "one fault")
    assert _restore(machine, "to", "latest", text=machine.cut_before("restore", line)).returncode == -9
    machine.path("/state/restore.fails").unlink()
    done = _restore(machine, "to", "latest")
    assert done.returncode == 1
    assert "PostgreSQL was not restored. It was cut when it had failed." in done.stderr
    assert (content(machine.path(VOLUME)), _kept(machine)) == (BEFORE, [])


def test_what_does_not_fit_is_refused_before_anything_is_stopped(machine: Bench) -> None:
    machine.stub("df", "echo Avail; echo 409600")
    done = _restore(machine, "to", "latest")
    assert done.returncode == 1
    assert (
        "needs 612 MB on the data disk beside the one of now, and 400 MB are free. auren-restore kept shows"
        in done.stderr
    )
    assert machine.calls("docker stop") == []
    assert not machine.path(HISTORY).exists()


def test_a_time_before_all_backups_is_refused_before_anything_is_stopped(machine: Bench) -> None:
    done = _restore(machine, "to", "2026-11-27T00:59:59Z")
    assert (done.returncode, machine.calls("docker stop")) == (1, [])
    assert "There is no backup in the bucket from before 2026-11-27T00:59:59Z. auren-backup list shows" in done.stderr


def test_behind_a_kept_backup_only_its_own_moment_can_be_restored(machine: Bench) -> None:
    logged(machine, 9, 0x123)
    done = _restore(machine, "to", TIME)
    assert (done.returncode, machine.calls("docker stop")) == (1, [])
    assert (
        f"The log (WAL) of {TIME} is not in the bucket any more. Only the moments at which a backup ended can be "
        "restored there. The last one before it is 2026-11-27T01:00:00Z" in done.stderr.replace("\n", " ")
    )
    assert _restore(machine, "to", "2026-11-27T01:00:00Z").returncode == 0
    (call,) = _restored_by(machine)
    assert call.endswith(" postgres-restore backup 20261127-010000F")
    assert content(machine.path(VOLUME)) == RESTORED


def test_a_restore_of_a_kept_backup_that_was_cut_goes_on_as_it_began(machine: Bench) -> None:
    logged(machine, 9, 11)
    wish = "2026-11-27T01:00:00Z"
    cut = machine.text("restore").replace(
        "    passed aside || put_aside\n", "    passed aside || put_aside\n    exit 9\n"
    )
    assert _restore(machine, "to", wish, text=cut).returncode == 9
    assert _restore(machine, "to", wish).returncode == 0
    (call,) = _restored_by(machine)
    assert call.endswith(" postgres-restore backup 20261127-010000F")


def test_a_deployment_and_a_drill_are_waited_for(machine: Bench) -> None:
    text = machine.text("restore").replace("--wait 300", "--wait 0")
    for name, said in {
        "deployment": "A deployment is under way, and has not ended within five minutes: ",
        "postgres": "Something is at work on postgres, such as a rollback",
        "backup": "A drill or a restore is under way",
    }.items():
        with machine.path(f"/run/lock/auren-{name}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = _restore(machine, "to", "latest", text=text)
        assert done.returncode == 1
        assert said in done.stderr
    assert machine.calls("docker") == []


@pytest.mark.parametrize(
    ("target", "until", "loss"),
    [
        ("latest", "2026-11-27T01:00:10Z", 50),
        ("2026-11-27T01:00:05Z", "2026-11-27T01:00:05Z", 55),
        (TIME, "2026-11-27T01:00:10Z", 50),
    ],
    ids=["latest", "earlier", "later than the WAL"],
)
def test_a_look_tells_what_would_be_lost_and_changes_nothing(
    machine: Bench, target: str, until: str, loss: int
) -> None:
    live = machine.path("/state/live")
    live.write_text(live.read_text().replace("01:00:00Z", "01:01:00Z"))
    done = _restore(machine, "look", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "backup": "20261127-010000F",
        "backupEnded": "2026-11-27T01:00:00Z",
        "until": until,
        "databaseBytes": 104857600,
        "freeBytes": 4194304 * 1024,
        "liveNewest": "2026-11-27T01:01:00Z",
        "liveRows": 3,
        "lossSeconds": loss,
    }
    assert content(machine.path(VOLUME)) == BEFORE
    assert not machine.path(HISTORY).exists()


def test_a_look_works_without_a_database(machine: Bench) -> None:
    fails(machine, "found", "no such container")
    told = json.loads(_restore(machine, "look", "latest").stdout)
    assert (told["liveNewest"], told["liveRows"], told["lossSeconds"]) == (None, None, None)


def test_what_is_kept_is_discarded_by_its_name_only(machine: Bench) -> None:
    kept = machine.path("/mnt/auren-data/postgres_data.before-20261127T010000Z")
    kept.mkdir()
    for name in ("postgres_data", "../auren-data/postgres_data", "postgres_data.before-20261127T010001Z", ""):
        done = _restore(machine, "discard", name)
        assert (done.returncode, done.stderr) == (1, f"Nothing is kept as {name}. auren-restore kept shows what is.\n")
    machine.path(MEMORY).mkdir(exist_ok=True)
    machine.path(f"{MEMORY}/restoring").write_text(f"latest\n{kept}\naside\n")
    assert "A restore is not over that may still need" in _restore(machine, "discard", kept.name).stderr
    machine.path(f"{MEMORY}/restoring").unlink()
    assert _restore(machine, "discard", kept.name).returncode == 0
    assert not kept.exists()
    assert machine.path(VOLUME).exists()


@pytest.mark.parametrize(
    "arguments", [(), ("too", "latest"), ("to",), ("to", "latest", "--as-of"), ("to", "a", "b"), ("kept", "x")]
)
def test_what_is_no_command_is_refused(machine: Bench, arguments: tuple[str, ...]) -> None:
    done = _restore(machine, *arguments)
    assert done.returncode == 1
    assert machine.calls("docker") == []


def test_a_database_that_cannot_be_stopped_is_left_as_it_is(machine: Bench) -> None:
    fails(machine, "stop", "did not receive an exit event")
    done = _restore(machine, "to", "latest")
    assert done.returncode == 1
    assert done.stderr == "PostgreSQL cannot be stopped. Nothing was changed. The same command tries again.\n"
    assert content(machine.path(VOLUME)) == BEFORE
    machine.path("/state/stop.fails").unlink()
    assert _restore(machine, "to", "latest").returncode == 0
    _is_restored(machine)


def test_after_a_cut_behind_the_restore_only_the_backup_is_made(machine: Bench) -> None:
    """Services have written to what was restored."""
    line = "    make_ready\n"
    assert _restore(machine, "to", "latest", text=machine.cut_before("restore", line)).returncode == -9
    machine.path(f"{VOLUME}/what").write_text("written since then\n")
    assert _restore(machine, "to", "latest").returncode == 0
    assert content(machine.path(VOLUME))["what"] == "written since then\n"
    assert machine.calls("docker exec auren-postgres pgbackrest backup") != []
    assert not machine.path(f"{MEMORY}/restoring").exists()


def test_a_database_that_has_grown_since_the_backup_needs_its_own_room(machine: Bench) -> None:
    machine.stub("du", r"printf '10485760\t%s\n' \"$2\"")
    done = _restore(machine, "to", "latest")
    assert done.returncode == 1
    assert "needs 10752 MB on the data disk" in done.stderr
    assert content(machine.path(VOLUME)) == BEFORE
