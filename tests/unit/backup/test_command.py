"""`python -m auren_infra backup` as it is typed, with a machine that answers."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auren_infra.__main__ import main
from tests.unit.backup.bucket import GOOD, NEWEST, bucket, drill
from tests.unit.on_machine import OnMachine

DRILLS = ["/var/lib/auren/backup/drill.json", "/var/lib/auren/backup/good-drill.json"]
NO_FILE = "".join(f"cat: {path}: No such file or directory\n" for path in DRILLS)


@pytest.fixture
def backed_up(machine: OnMachine) -> OnMachine:
    """Its backups are good by the clock of now."""
    now = datetime.now(UTC).replace(microsecond=0)
    machine.says("auren-backup list", bucket(*GOOD, now=now))
    machine.says("cat", drill(timedelta(days=1), now=now))
    machine.says("auren-backup log", "42\n")
    machine.says("auren-backup lost", "")
    machine.says("auren-backup copies", f"redis\tredis-data\t{now:%Y-%m-%dT%H:%M:%SZ}\t7\n")
    machine.says("auren-backup archives", f"machine\treleases\t{now:%Y-%m-%dT%H:%M:%SZ}\t9\n")
    return machine


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        (["now"], ["run"]),
        (["now", "--full", "--stack", "prod"], ["run", "full"]),
        (["list", "--json"], ["list"]),
        (["list", "--json", "--as-of", "2026-03-01T17:00+01:00"], ["list", "--as-of", "2026-03-01T16:00:00Z"]),
    ],
    ids=" ".join,
)
def test_the_machine_gets_its_words_and_what_it_prints_is_shown(
    machine: OnMachine, capsys: pytest.CaptureFixture[str], typed: list[str], sent: list[str]
) -> None:
    machine.says(f"auren-backup {sent[0]}", "as it was said\n")
    assert main(["backup", *typed]) == 0
    assert machine.asked == [["auren-backup", *sent]]
    assert capsys.readouterr() == ("as it was said\n", "")
    machine.says(f"auren-backup {sent[0]}", error="The bucket cannot be reached.\n", status=1)
    assert main(["backup", "--stack", "prod", *typed]) == 1
    assert capsys.readouterr().err == "error: The bucket cannot be reached.\n"


def test_the_stack_is_named_before_or_behind_the_command(machine: OnMachine) -> None:
    assert main(["backup", "--stack", "missing", "now"]) == 2
    assert main(["backup", "now", "--stack", "missing"]) == 2
    assert machine.asked == []


def test_the_list_is_a_table(backed_up: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "list"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("LABEL ")
    assert "\nredis-data  1 " in shown
    assert "\nreleases    1 " in shown
    main(["backup", "list", "--as-of", "2026-03-01T16:00Z"])
    for one, name in ((-2, "copies"), (-1, "archives")):
        assert backed_up.asked[one] == ["auren-backup", name, "--as-of", "2026-03-01T16:00:00Z"]
    capsys.readouterr()
    backed_up.says("auren-backup copies", error="The bucket cannot be reached.\n", status=1)
    assert main(["backup", "list"]) == 2
    assert capsys.readouterr().err.endswith(
        "The copies in the bucket cannot be listed:\nThe bucket cannot be reached.\n"
    )
    backed_up.says("auren-backup list", "nothing that is known")
    assert main(["backup", "list"]) == 2
    assert "`auren-backup list` does not print what this program reads" in capsys.readouterr().err


@pytest.mark.parametrize(
    "time", ["2026-03-01T16:00", "01.03.2026 16:00", "2999-01-01T00:00Z", "2026-03-01T16:00:00.5Z"]
)
def test_a_time_that_is_not_clear_or_has_not_been_is_refused(
    machine: OnMachine, capsys: pytest.CaptureFixture[str], time: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["backup", "list", "--as-of", time])
    assert f"argument --as-of: '{time}' " in capsys.readouterr().err
    assert machine.asked == []


def test_good_backups_are_told_as_such(backed_up: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "check"]) == 0
    assert capsys.readouterr().out.startswith("The backups are good. There are 3 in the bucket.\nThe newest, 20261122-")
    commands = [["auren-backup", name] for name in ("list", "log", "archives", "copies", "lost")]
    *asked, lost = commands[1:]
    (as_of,) = [call for call in backed_up.asked if "--as-of" in call]
    assert as_of[:2] == commands[0]
    assert backed_up.asked == [commands[0], ["cat", *DRILLS], *asked, as_of, lost]


def test_a_bucket_that_cannot_be_read_as_it_was_is_a_fault(
    backed_up: OnMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as with a key that may not list earlier versions."""
    ssh = backed_up.directory / "bin/ssh"
    refuse = 'case $words in *"list --as-of"*) echo It has no right. >&2; exit 1 ;; esac'
    ssh.write_text(ssh.read_text().replace("shift 2\n", f"shift 2\n{refuse}\n"))
    assert main(["backup", "check"]) == 1
    (fault,) = capsys.readouterr().out.splitlines()
    assert fault.startswith("The bucket cannot be read: as it was before the newest backup. It has no right. Repair: ")


def test_a_gap_in_the_log_is_a_fault(backed_up: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as of segments that were dropped while the bucket could not be reached."""
    backed_up.says("auren-backup log", "12\nThe WAL segment 0A is missing in the bucket.\n")
    assert main(["backup", "check"]) == 1
    (fault,) = capsys.readouterr().out.splitlines()
    assert fault.startswith("The WAL segment 0A is missing in the bucket. What was written after it can be restored")
    assert fault.endswith("Repair: `python -m auren_infra backup now --full`.")


def test_a_store_without_a_copy_is_a_fault(backed_up: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    backed_up.says("auren-backup copies", "redis\tredis-data\n")
    assert main(["backup", "check"]) == 1
    assert capsys.readouterr().out.startswith("There is no copy of redis-data in the bucket. ")
    backed_up.says("auren-backup copies", error="The bucket cannot be reached.\n", status=1)
    assert main(["backup", "check"]) == 1
    assert "The bucket cannot be reached. Repair: " in capsys.readouterr().out


def test_what_the_bucket_has_lost_is_a_fault(backed_up: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    lost = ("20261120-010000F 2026-11-20T01:00:00Z", "redis-data/20261121T010000Z 2026-11-21T01:00:00Z")
    backed_up.says("auren-backup lost", "".join(f"{line}\n" for line in lost))
    assert main(["backup", "check"]) == 1
    (fault,) = capsys.readouterr().out.splitlines()
    assert "2 backups and copies, the newest of them redis-data/20261121T010000Z 2026-11-21T01:00:00Z. " in fault
    backed_up.says("auren-backup lost", error="The key of the bucket is wrong.\n", status=1)
    assert main(["backup", "check"]) == 1
    assert "The bucket cannot be read: The key of the bucket is wrong. Repair: " in capsys.readouterr().out


def test_a_fault_is_told_and_is_no_success(backed_up: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    backed_up.says("cat", drill(timedelta(0), ok=False, fault="A segment is missing"), error=NO_FILE, status=1)
    assert main(["backup", "check"]) == 1
    (fault,) = capsys.readouterr().out.splitlines()
    assert " failed: A segment is missing. Repair: docs/backups.md, When a drill fails, " in fault


def test_a_bucket_that_cannot_be_read_is_a_fault_beside_those_of_the_drills(
    backed_up: OnMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    backed_up.says("auren-backup list", error="The key of the bucket is wrong.\n", status=1)
    backed_up.says("cat", drill(timedelta(days=30)))
    assert main(["backup", "check"]) == 1
    bucket_fault, drill_fault = capsys.readouterr().out.splitlines()
    assert bucket_fault.startswith("The bucket cannot be read: The key of the bucket is wrong. Repair: docs/backups.md")
    assert drill_fault.startswith("The last good backup drill was on")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"error": "cat: Input/output error\n", "status": 1}, "The records of the drills cannot be read"),
        ({"output": '{"ended": "yesterday"}'}, "are not what this program knows"),
        ({"error": "Connection timed out\n", "status": 255}, "The machine cannot be reached over SSH"),
    ],
    ids=["a disk", "another form", "no SSH"],
)
def test_what_could_not_be_asked_is_no_fault(
    backed_up: OnMachine, capsys: pytest.CaptureFixture[str], said: dict, fault: str
) -> None:
    backed_up.says("cat", **said)
    assert main(["backup", "check"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert fault in shown.err


def test_a_stack_without_backups_has_nothing_to_check(machine: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    """The nightly look asks every stack."""
    assert main(["backup", "check"]) == 0
    assert "auren:backups is empty" in capsys.readouterr().out
    for command in ("now", "list"):
        assert main(["backup", command]) == 2
        assert "auren:backups is empty" in capsys.readouterr().err


def test_a_drill_is_run_by_its_unit_and_its_end_is_told(machine: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.says("cat", error=NO_FILE, status=1)
    machine.says("systemctl")
    machine.then("systemctl", drill(timedelta(0)))
    assert main(["backup", "drill"]) == 0
    assert machine.asked == [["cat", *DRILLS], ["systemctl", "start", "auren-drill.service"], ["cat", *DRILLS]]
    assert capsys.readouterr().out == (
        f"The drill was good: it restored {NEWEST.label}, took 23 s, counted 1,234 rows in 12 tables, "
        "found a newest row that was 70 s old.\n"
    )


def test_a_drill_that_fails_or_does_not_end_is_no_success(
    machine: OnMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.says("cat", drill(timedelta(days=1)))
    machine.says("systemctl", error="Job for auren-drill.service failed.\n", status=1)
    assert main(["backup", "drill"]) == 1
    shown = capsys.readouterr().err
    assert "The drill did not come to its end. Job for auren-drill.service failed.\n" in shown
    assert "journalctl --unit auren-drill.service" in shown
    machine.then("systemctl", drill(timedelta(0), ok=False, fault="The passphrase is wrong", rows=None))
    assert main(["backup", "drill"]) == 1
    assert capsys.readouterr().err.startswith("error: The drill failed: The passphrase is wrong\n")
    machine.says("systemctl", error="Unit auren-drill.service not found.\n", status=5)
    assert main(["backup", "drill"]) == 2


@pytest.mark.parametrize(
    ("said", "status", "fault"),
    [
        (
            "601\n",
            0,
            "No log (WAL) has arrived in the bucket for 10 min 1 s, so what was written since then cannot be ",
        ),
        ("\n", 0, "PostgreSQL does not say when its log (WAL) has arrived in the bucket."),
        ("", 1, "PostgreSQL does not say when its log (WAL) has arrived in the bucket."),
    ],
    ids=["long ago", "never", "no database"],
)
def test_a_log_that_does_not_arrive_is_a_fault(
    backed_up: OnMachine, capsys: pytest.CaptureFixture[str], said: str, status: int, fault: str
) -> None:
    """The newest backup may still be good."""
    backed_up.says("auren-backup log", said, error="no" * status, status=status)
    assert main(["backup", "check"]) == 1
    assert capsys.readouterr().out.startswith(fault)


LOGS = "".join(
    f"machine\t{name}\t{time}\t9\n"
    for name, time in (
        ("access.log", "2026-03-01T00:00:00Z"),
        ("access.log", "2026-03-02T00:00:00Z"),
        ("error.log", "2026-03-02T00:00:01Z"),
        ("releases", "2026-03-01T02:10:00Z"),
        ("releases", "2026-03-02T02:10:00Z"),
    )
)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (
            ["logs"],
            ["access.log-20260301T000000Z.gz", "access.log-20260302T000000Z.gz", "error.log-20260302T000001Z.gz"],
        ),
        (
            ["logs", "--since", "2026-03-01T00:00Z", "--as-of", "2026-03-03T00:00Z"],
            ["access.log-20260302T000000Z.gz", "error.log-20260302T000001Z.gz"],
        ),
        (["releases"], ["releases-20260302T021000Z.tar.gz"]),
    ],
    ids=" ".join,
)
def test_archives_are_written_into_a_directory(
    machine: OnMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: list[str], names: list[str]
) -> None:
    what, *options = typed
    machine.says("auren-backup archives", LOGS)
    machine.says("auren-backup fetch", base64.encodebytes(b"\x1f\x8b of gzip").decode())
    into = tmp_path / "fetched"
    into.mkdir()
    assert main(["backup", "fetch", "--stack", "prod", what, str(into), *options]) == 0
    assert {path.name: path.read_bytes() for path in into.iterdir()} == dict.fromkeys(names, b"\x1f\x8b of gzip")
    assert {path.stat().st_mode & 0o777 for path in into.iterdir()} == {0o600}
    assert capsys.readouterr().out == "".join(f"{into / name}\n" for name in names)
    past = ["--as-of", "2026-03-03T00:00:00Z"] if "--as-of" in options else []
    assert machine.asked[0] == ["auren-backup", "archives", *past]
    name, _, time = names[0].partition(".gz")[0].removesuffix(".tar").rpartition("-")
    written = f"{time[:4]}-{time[4:6]}-{time[6:11]}:{time[11:13]}:{time[13:]}"
    assert machine.asked[1] == ["auren-backup", "fetch", name, written, *past]


def test_what_cannot_be_fetched_is_told(machine: OnMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch = ["backup", "fetch", "releases", str(tmp_path)]
    assert main(["backup", "fetch", "releases", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'nowhere'} is no directory. Make it before.\n"
    machine.says("auren-backup archives", "machine\treleases\n")
    assert main(fetch) == 1
    assert "The bucket has no such archive." in capsys.readouterr().err
    machine.says("auren-backup archives", LOGS)
    machine.says("auren-backup fetch", error="The archive of releases in the bucket is damaged.\n", status=1)
    assert main(fetch) == 1
    assert capsys.readouterr().err == "error: The archive of releases in the bucket is damaged.\n"
    machine.says("auren-backup fetch", "not base64!")
    assert main(fetch) == 2
    assert "releases-20260302T021000Z.tar.gz cannot be written: " in capsys.readouterr().err
    machine.says("auren-backup archives", error="The bucket cannot be reached.\n", status=1)
    assert main(fetch) == 2
    assert "The archives in the bucket cannot be listed:\nThe bucket cannot be reached." in capsys.readouterr().err


def test_releases_that_were_not_archived_are_a_fault(backed_up: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    """Logs are none: on a quiet day there is nothing to rotate."""
    backed_up.says("auren-backup archives", "machine\treleases\nmachine\terror.log\t2026-03-02T00:00:01Z\t9\n")
    assert main(["backup", "check"]) == 1
    (fault,) = capsys.readouterr().out.splitlines()
    assert fault.startswith("There is no copy of releases in the bucket. Repair: ")
