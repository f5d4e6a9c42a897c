"""backup.sh, which stays on the machine as auren-backup: what it makes, what it compares, and why it fails."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from subprocess import CompletedProcess

import pytest

from tests.unit.host.bench import Bench
from tests.unit.host.database_machine import (
    MEMORY,
    RELEASE,
    SERVICES,
    VOLUME,
    content,
    fails,
    kept,
    listed,
    set_up,
)

FULL = "20261127-010000F"
NEXT = "20261127-010000F_20261128-010000D"


@pytest.fixture
def machine(bench: Bench) -> Bench:
    return set_up(bench)


def _backup(machine: Bench, *arguments: str) -> CompletedProcess[str]:
    return machine.run("backup", *arguments)


def _made(machine: Bench) -> list[str]:
    return [line.rpartition(" ")[2] for line in machine.calls("docker exec auren-postgres pgbackrest backup")]


@pytest.mark.parametrize(
    ("age", "arguments", "kind"),
    [(1, (), "diff"), (8, (), "full"), (1, ("full",), "full")],
    ids=["young", "old", "asked"],
)
def test_a_full_backup_is_made_each_week_and_when_it_is_asked_for(
    machine: Bench, age: int, arguments: tuple[str, ...], kind: str
) -> None:
    end = int(time.time()) - age * 86400
    listed(machine, "info", [(FULL, end, 1 << 20)])
    listed(machine, "info.after", [(FULL, end, 1 << 20), (NEXT, end + 9, 5 << 20)])
    done = _backup(machine, "run", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{NEXT}: a backup ({kind}) of 5 MB of data, listed in the bucket\n")
    assert _made(machine) == [f"--type={kind}"]


@pytest.mark.parametrize(("days", "weeks", "months"), [(30, 8, 12), (7, 0, 0), (20, 10, 3)])
def test_full_backups_are_kept_for_weeks_and_months_and_the_log_for_days(
    machine: Bench, days: int, weeks: int, months: int
) -> None:
    machine.path("/usr/local/lib/auren/retention").write_text(f"{days} {weeks} {months}\n")
    now = datetime.now(UTC).replace(microsecond=0)
    fulls = {f"{moment:%Y%m%d-%H%M%S}F": moment for moment in (now - timedelta(days=day) for day in range(3, 500, 7))}
    backups = dict(fulls)
    for label, moment in fulls.items():
        later = moment + timedelta(days=2)
        backups[f"{label}_{later:%Y%m%d-%H%M%S}D"] = later
    inside = sorted((moment, label) for label, moment in backups.items())
    listed(machine, "info", [(label, int(moment.timestamp()), 1) for moment, label in inside[:-1]])
    listed(machine, "info.after", [(label, int(moment.timestamp()), 1) for moment, label in inside])
    assert _backup(machine, "run").returncode == 0
    expired = "docker exec auren-postgres pgbackrest expire "
    *removed, log = [call.removeprefix(expired) for call in machine.calls(expired)]
    wanted = kept(fulls.values(), now, days, weeks, months)
    oldest = now - timedelta(days=days)
    whole = {moment for moment in wanted if moment > oldest} | {max(one for one in wanted if one <= oldest)}
    assert log == f"--repo1-retention-archive={len(whole)}"
    assert removed == [
        f"--set={label}"
        for label in sorted(backups, reverse=True)
        if fulls[label.partition("_")[0]] not in (whole if "_" in label else wanted)
    ], "what builds on a backup goes before it"
    assert _backup(machine, "lost").stdout == "", "what was removed is not missed"


def test_a_backup_that_the_bucket_does_not_list_is_none(machine: Bench) -> None:
    done = _backup(machine, "run")
    assert (done.returncode, done.stderr) == (1, "A backup was made, but the bucket does not list it.\n")


REASONS = {
    "the clock": ("<Code>RequestTimeTooSkewed</Code>", "The bucket refuses this machine because its clock is wrong: "),
    "the key": ("<Code>InvalidAccessKeyId</Code>", "The bucket refuses the key of this machine. Run pulumi up"),
    "the secret": ("<Code>SignatureDoesNotMatch</Code>", "The bucket refuses the key of this machine. Run pulumi up"),
    "the bucket": (
        "<Code>AccessDenied</Code>",
        "There is no such bucket, or the key of this machine has no right to it.",
    ),
    "the network": ("[HostConnectError] on 7 retries", "The bucket cannot be reached from this machine."),
    "the certificate": ("unable to verify certificate presented by", "The bucket's server has no certificate that"),
    "the passphrase": (
        "FormatError: key/value found outside of section",
        "The backups in the bucket have another passphrase.",
    ),
    "a lock": ("unable to acquire lock on file", "A backup is under way already."),
    "anything else": ("one thing\nand another", "one thing and another\n"),
}


@pytest.mark.parametrize(("said", "sentence"), REASONS.values(), ids=REASONS.keys())
def test_a_failure_is_told_in_a_sentence(machine: Bench, said: str, sentence: str) -> None:
    fails(machine, "backup", f"ERROR: [039]: {said}" if "\n" not in said else said)
    done = _backup(machine, "run")
    assert done.returncode == 1
    assert f"No backup was made. {sentence}" in done.stderr


def test_a_bucket_that_cannot_be_read_is_not_taken_for_an_empty_one(machine: Bench) -> None:
    """pgBackRest ends with 0 all the same."""
    listed(machine, "info", [], 99, "[ProtocolError] <Code>InvalidAccessKeyId</Code>")
    fails(machine, "repo-put", "<Code>InvalidAccessKeyId</Code>")
    for arguments in (("list",), ("run",), ("fill", RELEASE)):
        if arguments[0] == "fill":
            machine.path(f"{VOLUME}/PG_VERSION").unlink()
        done = _backup(machine, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("The bucket refuses the key of this machine.")


@pytest.mark.parametrize(("status", "call"), [("running", "docker exec"), ("restarting", "docker compose")])
def test_what_was_in_the_bucket_is_listed_also_without_the_database(machine: Bench, status: str, call: str) -> None:
    machine.state("status", status)
    done = _backup(machine, "list", "--as-of", "2026-11-27T01:00:00Z")
    assert json.loads(done.stdout)[0]["backup"][0]["label"] == FULL
    (asked,) = [each for each in machine.calls(call) if " info " in each]
    assert asked.endswith(" info --output=json --io-timeout=10 --repo=1 --repo-target-time=2026-11-27 01:00:00+00")


def test_what_is_in_the_bucket_is_listed_also_during_a_restore(machine: Bench) -> None:
    machine.state("status", "exited")
    machine.state("restoring", "")
    assert json.loads(_backup(machine, "list").stdout)[0]["backup"][0]["label"] == FULL
    assert len(machine.calls("docker exec auren-postgres-restore pgbackrest info ")) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("ru",),
        ("run", "diff"),
        ("list", "--as-of"),
        ("list", "as-of", "2026-11-27T01:00:00Z"),
        ("ready", "now"),
        ("fresh",),
        ("fresh", "an hour"),
        ("fill",),
        ("fill", RELEASE, "real"),
        ("fill", RELEASE, "latest", "now"),
    ],
)
def test_what_is_no_command_is_refused(machine: Bench, arguments: tuple[str, ...]) -> None:
    done = _backup(machine, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("usage: auren-backup run [full] | ")
    assert machine.calls("docker") == []


@pytest.mark.parametrize("time", ["yesterday", "2026-11-27", "2026-11-27T01:00:00", "2026-13-27T01:00:00Z"])
def test_what_is_no_time_is_refused(machine: Bench, time: str) -> None:
    done = _backup(machine, "list", "--as-of", time)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{time} is no time. Write it like this, in UTC: 2026-11-27T01:00:00Z\n"


def _drilled(machine: Bench, *arguments: str) -> tuple[CompletedProcess[str], dict[str, object]]:
    done = _backup(machine, "drill", *arguments)
    told = json.loads(done.stdout)
    assert json.loads(machine.path(f"{MEMORY}/drill.json").read_text()) == told
    assert not machine.path("/mnt/auren-data/backup-drill").exists()
    return done, told


def test_a_drill_that_finds_all_counts(machine: Bench) -> None:
    done, told = _drilled(machine, "kafka-ui")
    assert (done.returncode, done.stderr) == (0, "")
    expected = {
        "ok": True,
        "fault": "",
        "backup": FULL,
        "newest": "2026-11-27T01:00:00Z",
        "ageSeconds": 70,
        "rows": 3,
        "tables": 1,
    }
    assert told == {**told, **expected}
    assert json.loads(machine.path(f"{MEMORY}/good-drill.json").read_text()) == told
    metrics = machine.path("/var/lib/auren/metrics/backup.prom").read_text().splitlines()
    assert [line.split()[0].removeprefix("auren_backup_drill_") for line in metrics] == [
        *("timestamp_seconds", "age_seconds", "rows", "duration_seconds", "ok")
    ]
    assert metrics[-1] == "auren_backup_drill_ok 1"
    assert machine.calls("docker stop", "docker start") == ["docker stop auren-kafka-ui", "docker start auren-kafka-ui"]
    _, compared = machine.path("/state/sql").read_text().split("CREATE TEMP TABLE")
    assert r'"public.\\"a\\\\b\\""' in compared, "COPY takes a backslash for its own"


def test_a_drill_that_misses_rows_fails_and_the_last_good_one_is_told(machine: Bench) -> None:
    _drilled(machine)
    good = machine.path(f"{MEMORY}/good-drill.json").read_text()
    machine.path("/state/compared").write_text(
        '2026-11-27T01:00:00Z\n70\n2\n1\npublic."a\\b" has 2 rows where 3 to 3 were.\n'
    )
    done, told = _drilled(machine)
    assert done.returncode == 1
    assert (told["ok"], told["fault"], told["rows"]) == (False, 'public."a\\b" has 2 rows where 3 to 3 were.', 2)
    assert machine.path(f"{MEMORY}/good-drill.json").read_text() == good
    metrics = machine.path("/var/lib/auren/metrics/backup.prom").read_text()
    assert "auren_backup_drill_rows 3\n" in metrics
    assert metrics.endswith("auren_backup_drill_ok 0\n")


def test_a_drill_whose_restore_fails_says_so_and_gives_the_memory_back(machine: Bench) -> None:
    fails(machine, "restore", "ERROR: [029]: zst error: [-20] Data corruption detected")
    done, told = _drilled(machine, "kafka-ui")
    assert done.returncode == 1
    assert (told["ok"], told["backup"]) == (False, FULL)
    assert str(told["fault"]).startswith(f"A file of the backup {FULL} in the bucket is damaged.")
    assert machine.calls("docker start") == ["docker start auren-kafka-ui"]
    assert "auren_backup_drill_ok 0\n" in machine.path("/var/lib/auren/metrics/backup.prom").read_text()


def test_a_drill_restores_the_backup_that_was_the_newest_at_its_point(machine: Bench) -> None:
    """One that ends meanwhile is behind the point."""
    _drilled(machine)
    (restored,) = [call for call in machine.calls("docker compose") if " drill " in call]
    assert restored.rpartition(" postgres-restore ")[2].startswith("drill drill-")
    assert restored.endswith(f"Z {FULL}")


def test_a_drill_whose_memory_is_needed_is_ended_and_has_not_failed(machine: Bench) -> None:
    machine.state("restore.takes-long", "")
    script = machine.text("start_first").partition("\nmain() {")[0] + '\nmain() { borrow "$@"; }\n\nmain "$@"; exit\n'
    with ThreadPoolExecutor(1) as pool:
        drill = pool.submit(_backup, machine, "drill", "kafka-ui")
        deadline = time.monotonic() + 30
        while not machine.path("/state/restores").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        done = machine.run("start_first", "kafka-ui", text=script.replace("--wait 5", "--wait 0"))
        ended = drill.result()
    assert (done.returncode, done.stderr) == (
        0,
        "A drill of the backups had the memory that is needed, and was ended.\n",
    )
    assert (ended.returncode, ended.stderr) == (
        1,
        "The drill was ended, because a deployment needed its memory. Run it again: auren-backup drill\n",
    )
    assert machine.calls("docker stop", "docker start")[:2] == [
        "docker stop auren-kafka-ui",
        "docker start auren-kafka-ui",
    ]
    assert not machine.path(f"{MEMORY}/drill.json").exists()


def test_a_drill_of_an_empty_bucket_says_that_it_is_empty(machine: Bench) -> None:
    listed(machine, "info", [], 2, "no valid backups")
    _, told = _drilled(machine)
    assert told["fault"] == "There is no backup in the bucket."


def test_a_drill_that_does_not_fit_the_disk_touches_nothing(machine: Bench) -> None:
    machine.stub("df", "echo Avail; echo 409600")
    done, told = _drilled(machine, "kafka-ui")
    assert done.returncode == 1
    assert told["fault"] == "A drill needs 612 MB on the data disk, which has 400 MB. Give it a larger volume."
    assert machine.calls("docker stop", "docker compose", "docker exec auren-postgres pgbackrest backup") == []


def test_a_segment_that_does_not_arrive_fails_the_drill(machine: Bench) -> None:
    machine.state("archived", "f")
    text = machine.text("backup").replace("patience=120", "patience=0")
    done = machine.run("backup", "drill", text=text)
    assert "The WAL segment 00000001000000000000000A has not arrived in the bucket within 0 s." in done.stderr


def test_the_archive_is_made_ready_and_the_first_backup_made_once(machine: Bench) -> None:
    listed(machine, "info.after", [(FULL, 1795741200, 1 << 20)])
    listed(machine, "info", [], 2, "no valid backups")
    for _ in range(2):
        assert _backup(machine, "ready").returncode == 0
    assert _made(machine) == ["--type=full"]


def test_a_bucket_with_another_databases_backups_is_left_alone(machine: Bench) -> None:
    fails(machine, "stanza-create", "ERROR: [028]: backup and archive info files exist but do not match the database")
    done = _backup(machine, "ready")
    assert done.returncode == 1
    assert "The bucket holds the backups of another database. Name another bucket in auren:backups." in done.stderr
    assert machine.calls("docker exec auren-postgres pgbackrest stanza-upgrade") == []


def test_a_database_that_was_lost_before_its_first_backup_is_no_obstacle(machine: Bench) -> None:
    fails(machine, "stanza-create", "ERROR: [028]: backup and archive info files exist but do not match the database")
    listed(machine, "info", [], 2, "no valid backups")
    listed(machine, "info.after", [(FULL, 1795741200, 1 << 20)])
    assert _backup(machine, "ready").returncode == 0
    assert machine.calls("docker exec auren-postgres pgbackrest stanza-upgrade")


def _empty(machine: Bench) -> None:
    machine.path("/state/status").unlink()
    for name in ("PG_VERSION", "what"):
        machine.path(f"{VOLUME}/{name}").unlink()
    machine.path(f"{SERVICES}/current").unlink()


def test_a_volume_with_a_database_is_not_filled(machine: Bench) -> None:
    assert _backup(machine, "fill", RELEASE, "latest").returncode == 0
    assert machine.calls("docker") == []


def test_an_empty_volume_is_filled_by_the_staged_release(machine: Bench) -> None:
    _empty(machine)
    done = _backup(machine, "fill", RELEASE, "2026-11-27T01:00:00Z")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "PostgreSQL was restored to 2026-11-27T01:00:00Z: 3 rows in 1 tables\n"
    assert content(machine.path(VOLUME)) == {"PG_VERSION": "17\n", "what": "restored\n"}
    (restored,) = (call for call in machine.calls("docker compose") if " --name auren-postgres-restore " in call)
    assert f"--file {SERVICES}/releases/{RELEASE}/compose.yml --profile restore run" in restored
    assert restored.endswith(" postgres-restore time 2026-11-27 01:00:00+00")


def test_an_empty_volume_beside_a_full_bucket_is_no_new_database(machine: Bench) -> None:
    """Its WAL would not fit the bucket, and everybody would believe that all is gone."""
    _empty(machine)
    done = _backup(machine, "fill", RELEASE, "")
    assert done.returncode == 1
    assert "The volume of PostgreSQL is empty, and the bucket has backups up to 2026-11-27T01:00:00Z." in done.stderr
    listed(machine, "info", [], 1, "missing stanza path")
    assert _backup(machine, "fill", RELEASE, "").returncode == 0


def test_a_filling_that_was_cut_goes_on_and_is_not_forgotten(machine: Bench) -> None:
    _empty(machine)
    machine.path(f"{VOLUME}/.restored").mkdir()
    done = _backup(machine, "fill", RELEASE)
    assert done.returncode == 1
    assert "was to be restored, and that did not come to its end. Set auren:restore again." in done.stderr
    assert _backup(machine, "fill", RELEASE, "latest").returncode == 0


def test_a_restore_by_hand_that_was_cut_is_finished_by_hand(machine: Bench) -> None:
    machine.path(MEMORY).mkdir()
    machine.path(f"{MEMORY}/restoring").write_text("latest\nkept\n")
    done = _backup(machine, "fill", RELEASE, "latest")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "A restore was cut. Finish it on the machine first: auren-restore to latest\n"


def _elsewhere(machine: Bench, *, own: bool = True) -> None:
    _empty(machine)
    listed(machine, "info", [], 1, "missing stanza path")
    if not own:
        machine.path(f"{SERVICES}/releases/{RELEASE}/files/pgbackrest.conf").write_text("process-max=1\n")
    machine.path("/usr/local/lib/auren/stores").write_text("redis redis-data redis\n")
    machine.path("/mnt/auren-data/redis-data").mkdir()


@pytest.mark.parametrize("own", [True, False], ids=["with backups of its own", "without"])
@pytest.mark.parametrize("kind", ["anonymised", "real"])
def test_a_database_comes_from_another_stack_and_the_other_stores_stay_empty(
    machine: Bench, kind: str, *, own: bool
) -> None:
    _elsewhere(machine, own=own)
    done = _backup(machine, "fill", RELEASE, kind, "latest", "--as-of", "2026-11-27T01:00:00Z")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "PostgreSQL was restored to latest: 3 rows in 1 tables\n"
    *asked, restored = machine.calls("docker compose")
    assert restored.endswith(f" postgres-restore {kind} latest --as-of 2026-11-27 01:00:00+00")
    assert len(asked) == own, "its own bucket, whether it is new"
    assert content(machine.path("/mnt/auren-data/redis-data")) == {}
    assert not list(machine.path("/mnt/auren-data").glob(".filling-*"))


def test_the_bucket_of_ones_own_is_new_where_a_database_comes_from_another_stack(machine: Bench) -> None:
    """Or its archive would have to take two databases' logs of the same names."""
    _elsewhere(machine)
    for code, message in ((0, "ok"), (2, "no valid backups")):
        listed(machine, "info", [("20261127-010000F", 1795741200, 1)][code:], code, message)
        done = _backup(machine, "fill", RELEASE, "real", "latest")
        assert done.returncode == 1
        assert done.stderr.startswith("The bucket that auren:backups names has backups of another database")
        assert content(machine.path(VOLUME)) == {}


@pytest.mark.parametrize("arguments", [(), ("latest",)], ids=["on", "to be filled"])
def test_a_database_is_never_backed_up_to_where_it_came_from(machine: Bench, arguments: tuple[str, ...]) -> None:
    origin = "repo1-s3-endpoint=elsewhere\nrepo1-s3-bucket=auren-backups\n"
    machine.path(f"{VOLUME}/.restored-from").write_text(origin)
    configuration = machine.path(f"{SERVICES}/releases/{RELEASE}/files/pgbackrest.conf")
    configuration.write_text(f"[global]\n{origin}repo1-path=/postgres\n")
    done = _backup(machine, "fill", RELEASE, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("PostgreSQL was restored from another stack's backups in the bucket")
    configuration.write_text(configuration.read_text().replace("elsewhere", "here"))
    assert _backup(machine, "fill", RELEASE, *arguments).returncode == 0


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("<Code>AccessDenied</Code>", "has no right to it. See auren:restoreFrom."),
        ("FormatError: key/value found outside of section", "made with: restore-passphrase in auren:secrets."),
        ("<Code>InvalidAccessKeyId</Code>", "restore-key-id and restore-key-secret in auren:secrets."),
        (
            "cipher header\n10-people.sql of auren:sqlAnonymise failed: ERROR.\nLOG: checksum",
            "PostgreSQL was not restored. 10-people.sql of auren:sqlAnonymise failed: ERROR.",
        ),
    ],
)
def test_what_is_wrong_elsewhere_is_named_so(machine: Bench, said: str, sentence: str) -> None:
    _elsewhere(machine)
    fails(machine, "restore", f"{said}\n")
    done = _backup(machine, "fill", RELEASE, "anonymised", "latest")
    assert done.returncode == 1
    assert done.stderr.startswith("PostgreSQL was not restored. ")
    assert done.stderr.endswith(f"{sentence}\n")


def test_before_the_first_backups_nothing_is_backed_up_before_a_change(machine: Bench) -> None:
    """The stack came from another one's backups, and has none of its own."""
    _elsewhere(machine, own=False)
    machine.path(f"{SERVICES}/current").symlink_to(f"releases/{RELEASE}")
    done = _backup(machine, "fresh", "60", "postgres")
    assert done.returncode == 0
    assert "PostgreSQL does not answer, or has no backups yet." in done.stdout


def test_a_bucket_that_was_emptied_is_begun_again_by_a_backup(machine: Bench) -> None:
    listed(machine, "info.after", [("20261127-010000F", 1795741200, 1), ("20261127-020000F", 1795744800, 1)])
    assert _backup(machine, "run", "full").returncode == 0
    calls = machine.calls("docker exec auren-postgres pgbackrest")
    words = [call.split("pgbackrest ")[1].split()[0] for call in calls]
    assert words.index("stanza-create") < words.index("check") < words.index("backup")


def test_a_drill_needs_room_for_what_the_backup_holds(machine: Bench) -> None:
    """Much of it may have been deleted since then."""
    listed(machine, "info", [("20261127-010000F", 1795741200, 30 * 2**30)])
    done, told = _drilled(machine)
    assert done.returncode == 1
    assert told["fault"] == "A drill needs 31232 MB on the data disk, which has 4096 MB. Give it a larger volume."


def test_the_record_of_a_drill_is_json_whatever_was_said(machine: Bench) -> None:
    fails(machine, "restore", 'a "quoted" word, a \\ and a return\r\x07')
    done, told = _drilled(machine)
    assert done.returncode == 1
    assert 'a "quoted" word, a \\ and a return' in str(told["fault"])


def test_the_database_tells_when_its_log_has_arrived(machine: Bench) -> None:
    machine.state("silence", "42")
    machine.path("/state/gap").touch()
    done = _backup(machine, "log")
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
    machine.state("gap", "The WAL segment 0A is missing in the bucket.")
    assert _backup(machine, "log").stdout == "42\nThe WAL segment 0A is missing in the bucket.\n"
    listed(machine, "info", [], 2, "no valid backups")
    assert _backup(machine, "log").stdout == "42\n"
    fails(machine, "psql", "the database system is starting up")
    done = _backup(machine, "log")
    assert done.returncode == 1
    assert done.stderr.startswith("PostgreSQL could not be asked.")


def _of_minutes_ago(machine: Bench, minutes: int) -> None:
    """The newest backup in the bucket is so old, and the next one is new."""
    end = int(time.time()) - 60 * minutes
    listed(machine, "info", [(FULL, end, 1 << 20)])
    listed(machine, "info.after", [(FULL, end, 1 << 20), (NEXT, int(time.time()), 5 << 20)])


@pytest.mark.parametrize(("age", "made"), [(50, []), (70, ["--type=diff"])])
@pytest.mark.parametrize("services", [(), ("postgres",), ("redis", "postgres")])
def test_before_a_change_there_is_a_fresh_backup_or_one_is_made(
    machine: Bench, age: int, made: list[str], services: tuple[str, ...]
) -> None:
    _of_minutes_ago(machine, age)
    done = _backup(machine, "fresh", "60", *services)
    assert (done.returncode, done.stderr) == (0, "")
    assert _made(machine) == made
    assert machine.calls("docker exec auren-postgres pgbackrest check"), "what is written after it arrives as well"


def test_without_a_fresh_backup_there_is_an_error(machine: Bench) -> None:
    _of_minutes_ago(machine, 70)
    fails(machine, "backup", "[HostConnectError] on 7 retries")
    done = _backup(machine, "fresh", "60")
    assert (done.returncode, done.stderr) == (
        1,
        "No backup was made. The bucket cannot be reached from this machine.\n",
    )
    _of_minutes_ago(machine, 50)
    fails(machine, "check", "[HostConnectError] on 7 retries")
    done = _backup(machine, "fresh", "60")
    assert (done.returncode, done.stderr) == (
        1,
        "No WAL arrives in the bucket. The bucket cannot be reached from this machine.\n",
    )


def test_another_services_change_waits_for_no_backup_of_the_database(machine: Bench) -> None:
    _of_minutes_ago(machine, 70)
    assert _backup(machine, "fresh", "60", "redis").returncode == 0
    assert _made(machine) == []


def test_nobody_is_kept_from_a_change_that_nothing_can_be_backed_up_before(machine: Bench) -> None:
    """Backups begin with this update, or it is the change that repairs the database."""
    _of_minutes_ago(machine, 70)
    machine.state("status", "restarting")
    done = _backup(machine, "fresh", "60")
    assert (done.returncode, done.stderr) == (0, "")
    assert "So nothing is backed up before this change." in done.stdout
    machine.state("status", "running")
    fails(machine, "psql", "FATAL:  the database system is starting up")
    assert "So nothing is backed up before this change." in _backup(machine, "fresh", "60").stdout
    machine.path("/state/psql.fails").unlink()
    machine.path(f"{SERVICES}/current/files/pgbackrest.conf").unlink()
    assert "So nothing is backed up before this change." in _backup(machine, "fresh", "60").stdout
    assert _made(machine) == []


@pytest.mark.parametrize("said", ["<Code>InvalidAccessKeyId</Code>", "unable to load cipher header"])
def test_a_key_that_comes_with_the_change_is_not_asked_for_before_it(machine: Bench, said: str) -> None:
    """The key, the passphrase and the bucket's name are in PostgreSQL's release."""
    listed(machine, "info", [], 99, said)
    done = _backup(machine, "fresh", "60", "postgres", "redis")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "The bucket cannot be used with what this machine has. So nothing is backed up before"
    )
    assert _backup(machine, "fresh", "60").returncode == 1, "nothing changes that may repair it"
    _of_minutes_ago(machine, 70)
    fails(machine, "check", "WAL segment system-id 7 do not match the database")
    assert _backup(machine, "fresh", "60", "postgres").returncode == 0
    assert _made(machine) == []


def test_with_0_minutes_nobody_looks(machine: Bench) -> None:
    done = _backup(machine, "fresh", "0")
    assert (done.returncode, done.stdout, machine.calls("docker")) == (0, "", [])


@pytest.mark.parametrize(("running", "asked"), [("", False), (RELEASE, False), (f"{2:016x}", True)])
def test_only_a_store_that_changes_is_backed_up_first(bench: Bench, running: str, asked: bool) -> None:
    bench.stub("docker", 'cat "$state/$(tr -cd a-z- <<<"${!#}")"')
    bench.stub("auren-backup")
    bench.state("auren-redis", running)
    bench.state("auren-postgres", RELEASE)
    staged = "".join(f"{service} {RELEASE} 2026-11-27T01:00:00Z\n" for service in ("redis", "postgres"))
    done = bench.run("back_up_first", "60", data=staged)
    assert (done.returncode, done.stderr) == (0, "")
    assert bench.calls("auren-backup") == (["auren-backup fresh 60 redis"] if asked else [])
    bench.stub("auren-backup", "echo The bucket is away. >&2; exit 1")
    done = bench.run("back_up_first", "60", data=staged)
    assert done.returncode == int(asked)
    assert done.stderr.startswith("The bucket is away.\nSo redis were not changed." if asked else "")
