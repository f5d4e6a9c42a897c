"""`python -m auren_infra restore` as it is typed, with a machine that answers."""

import io
import json
import sys

import pytest

from auren_infra.__main__ import main
from tests.unit.on_machine import OnMachine

LOOK = {
    "backup": "20261127-010000F",
    "backupEnded": "2026-11-27T01:02:00Z",
    "until": "2026-11-27T12:29:30Z",
    "databaseBytes": 1_200_000_000,
    "freeBytes": 30_000_000_000,
    "liveNewest": "2026-11-27T12:30:00Z",
    "liveRows": 1234,
    "lossSeconds": 30,
}
LOOKED, DONE = ["auren-restore", "look", "latest"], ["auren-restore", "to", "latest"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def restorable(machine: OnMachine, monkeypatch: pytest.MonkeyPatch) -> OnMachine:
    machine.says("auren-restore look", json.dumps(LOOK))
    machine.says("auren-restore to", "restored\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))  # no terminal
    return machine


def _types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text))


def test_it_says_what_is_lost_and_what_is_kept_before_it_asks(
    restorable: OnMachine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _types(monkeypatch, "no\n")
    assert main(["restore", "--to", "latest"]) == 2
    assert restorable.asked == [LOOKED]
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "Comes back: the data of 2026-11-27 12:29:30 UTC.",
        "From: the backup 20261127-010000F, which ended on 2026-11-27 01:02:00 UTC, and the log (WAL) behind it.",
        "Is replaced: the whole database of now, with 1,234 rows.",
        "Is lost: what was written in the last 30 s, from 2026-11-27 12:29:30 UTC to 2026-11-27 12:30:00 UTC.",
        "Is kept: what is replaced, beside it on the data disk, until `python -m auren_infra restore discard`.",
        "Room: the database will have 1.2 GB, and 30.0 GB are free.",
        "Meanwhile PostgreSQL is stopped, and the services cannot reach it.",
    ]
    assert shown.err == "Type yes to go on: Nothing was changed.\n"


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"liveNewest": None, "liveRows": None}, "Is lost: what was written since then."),
        ({"liveNewest": None, "liveRows": None}, "Is replaced: the whole database of now, which does not answer"),
        ({"until": "2026-11-27T12:30:00Z"}, "Is lost: nothing that is known of."),
        ({"until": "2026-11-24T10:00:00Z"}, "Is lost: what was written in the last 3 days 2 h, from 2026-11-24"),
    ],
)
def test_what_is_not_known_is_said(
    restorable: OnMachine, capsys: pytest.CaptureFixture[str], changed: dict[str, object], line: str
) -> None:
    restorable.says("auren-restore look", json.dumps(LOOK | changed))
    main(["restore", "--to", "latest"])
    assert f"\n{line}" in f"\n{capsys.readouterr().out}"


def test_it_begins_when_yes_is_typed(
    restorable: OnMachine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _types(monkeypatch, "yes\n")
    assert main(["restore", "--to", "latest"]) == 0
    assert restorable.asked == [LOOKED, DONE]
    assert capsys.readouterr().out.endswith("cannot reach it.\nrestored\n")


def test_nobody_is_asked_without_a_terminal(restorable: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "--to", "latest"]) == 2
    assert restorable.asked == [LOOKED]
    assert "so nothing was changed. With --yes, nobody is." in capsys.readouterr().err
    assert main(["restore", "--to", "latest", "--yes"]) == 0
    assert restorable.asked == [LOOKED, LOOKED, DONE]


def test_the_machine_gets_both_times_in_utc(restorable: OnMachine) -> None:
    times = ["2026-03-01T16:00:00Z", "--as-of", "2026-03-01T16:05:00Z"]
    typed = ["--to", "2026-03-01T17:00+01:00", "--as-of", "2026-03-01 16:05Z"]
    assert main(["restore", "--stack", "prod", *typed, "--yes"]) == 0
    assert restorable.asked == [["auren-restore", "look", *times], ["auren-restore", "to", *times]]


COPIES = {"copies": [{"service": "redis", "volume": "redis-data", "made": "2026-11-27T02:10:28Z"}]}


def test_another_store_comes_back_from_its_copy(
    restorable: OnMachine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    restorable.says("auren-restore look-store", json.dumps(COPIES))
    restorable.says("auren-restore store", "restored\n")
    assert main(["restore", "--to", "latest", "--only", "redis"]) == 2
    looked, done = (["auren-restore", word, "redis", "latest"] for word in ("look-store", "store"))
    assert restorable.asked == [looked]
    assert capsys.readouterr().out.splitlines() == [
        "Comes back: the volume redis-data, as it was copied on 2026-11-27 02:10:28 UTC.",
        "Is replaced: everything of now in redis.",
        "Is lost: what was written there since the copy.",
        "Is kept: what is replaced, beside it on the data disk, until `python -m auren_infra restore discard`.",
        "Meanwhile nobody can reach redis.",
    ]
    _types(monkeypatch, "yes\n")
    assert main(["restore", "--to", "latest", "--only", "redis"]) == 0
    assert restorable.asked[1:] == [looked, done]
    restorable.says("auren-restore look-store", json.dumps({"copies": []}))
    assert main(["restore", "--to", "latest", "--only", "redis", "--yes"]) == 2
    assert "  copies: Tuple should have at least 1 item" in capsys.readouterr().err


def test_an_empty_name_is_no_database(restorable: OnMachine) -> None:
    """Such as of a variable that is not set."""
    restorable.says("auren-restore look-store", error=" has no copies.\n", status=1)
    assert main(["restore", "--to", "latest", "--only", "", "--yes"]) == 1
    assert restorable.asked == [["auren-restore", "look-store", "", "latest"]]


def test_the_database_may_be_named_as_the_only_one(restorable: OnMachine) -> None:
    assert main(["restore", "--to", "latest", "--only", "postgres", "--yes"]) == 0
    assert restorable.asked == [LOOKED, DONE]


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ([], "name the moment: --to latest, or --to TIME"),
        (["--to", "2026-03-01T16:00"], "'2026-03-01T16:00' names no time zone; a Z at its end is UTC"),
        (["--to", "1.3.2026 16:00"], "'1.3.2026 16:00' is no time; write it like 2026-03-01T16:00Z"),
        (["--to", "2999-01-01T00:00Z"], "'2999-01-01T00:00Z' is in the future; by this machine's clock it is 2"),
        (["--to", "latest", "--as-of", "now"], "'now' is no time"),
        (["--to", "2026-03-01T16:00Z", "--as-of", "2026-03-01T15:00Z"], "has nothing of a later --to"),
        (["--to", "latest", "kept"], "kept takes none of --to, --as-of, --only and --yes"),
        (["--only", "redis"], "name the moment: --to latest, or --to TIME"),
        (["discard"], "the following arguments are required: NAME"),
    ],
)
def test_a_call_that_is_not_clear_is_refused(
    restorable: OnMachine, capsys: pytest.CaptureFixture[str], typed: list[str], fault: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["restore", *typed])
    assert fault in capsys.readouterr().err
    assert restorable.asked == []


def test_a_machine_that_refuses_the_look_is_not_asked_to_restore(
    restorable: OnMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    restorable.says("auren-restore look", error="There is no backup in the bucket.\n", status=1)
    assert main(["restore", "--to", "latest", "--yes"]) == 1
    assert capsys.readouterr().err == "error: There is no backup in the bucket.\n"
    restorable.says("auren-restore look", json.dumps({"backup": "20261127-010000F"}))
    assert main(["restore", "--to", "latest", "--yes"]) == 2
    assert "\n  backupEnded: Field required\n" in capsys.readouterr().err
    assert restorable.asked == [LOOKED] * 2


def test_a_restore_that_was_cut_or_failed_is_told(restorable: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    restorable.says("auren-restore to", error="The database of before runs again.\n", status=1)
    assert main(["restore", "--to", "latest", "--yes"]) == 1
    assert capsys.readouterr().err == "error: The database of before runs again.\n"
    restorable.says("auren-restore to", error="Connection reset\n", status=255)
    assert main(["restore", "--to", "latest", "--yes"]) == 2
    assert "The restore may still run on the machine, or be cut. The same call finishes it." in capsys.readouterr().err


def test_what_is_kept_is_listed_and_discarded_by_its_name(
    machine: OnMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "postgres_data.before-20261127T123005Z; reboot"
    for command in ("kept", "discard"):
        machine.says(f"auren-restore {command}", f"{command} was called\n")
    assert main(["restore", "--stack", "prod", "kept"]) == 0
    assert main(["restore", "discard", "--stack", "prod", name]) == 0
    assert machine.asked == [["auren-restore", "kept"], ["auren-restore", "discard", name]]
    assert capsys.readouterr().out == "kept was called\ndiscard was called\n"


def test_a_stack_without_backups_has_nothing_to_restore(machine: OnMachine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "--to", "latest", "--yes"]) == 2
    assert "This stack has no backups to restore from" in capsys.readouterr().err
