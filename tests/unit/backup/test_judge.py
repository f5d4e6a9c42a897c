"""What is called a fault of the backups, and what is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from auren_infra import drills
from auren_infra.backup import judge, listing
from tests.unit.backup.bucket import DIFF, FULL, GOOD, NEWEST, NOW, Made, bucket, drill

WEEK = timedelta(days=7)
DRILLED = drill(WEEK)


def _faults(shown: str, drilled: str = DRILLED) -> list[str]:
    return judge.faults(listing.read(shown), drills.read(drilled), NOW)


def test_backups_that_are_new_whole_and_drilled_have_no_fault() -> None:
    assert _faults(bucket(*GOOD)) == []


def test_a_bucket_without_backups_has_one_fault() -> None:
    (fault,) = _faults(bucket(), "")
    assert fault.startswith("There is no backup in the bucket. Repair: `python -m auren_infra backup now --full`")


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        (1, "missing stanza path", "The bucket holds nothing of this database"),
        (3, "missing stanza data", "The bucket has lost the list of its backups"),
        (99, "other", "pgBackRest cannot read the bucket: other; [CryptoError] unable to load info file"),
    ],
)
def test_the_status_is_told_in_words(code: int, message: str, fault: str) -> None:
    why = "[CryptoError] unable to load info file" if code == 99 else message
    shown = bucket(status={"code": code, "message": message}, repo=[{"status": {"code": code, "message": why}}])
    (found,) = _faults(shown)
    assert found.startswith(fault)
    assert "Repair: " in found


@pytest.mark.parametrize(
    ("newest", "fault"),
    [
        (
            replace(NEWEST, ago=timedelta(hours=27)),
            "ended on 2026-11-26 09:00:00 UTC, 1 day 3 h ago; there should be one",
        ),
        (replace(NEWEST, ago=-timedelta(hours=1)), "in the future: the machine's clock or this one is wrong"),
        (replace(NEWEST, error=True), "holds damaged pages"),
        (
            replace(NEWEST, size=14_000_000),
            "holds a database of 14.0 MB, less than half of the 30.0 MB of 20261122-020959F_",
        ),
        (replace(NEWEST, last=58), "so it cannot be restored"),
        (replace(NEWEST, first=1), "so it cannot be restored"),
    ],
    ids=["too old", "a clock", "damaged pages", "shrunk", "its log did not arrive", "its log is deleted"],
)
def test_a_fault_of_the_newest_backup_names_it_and_its_repair(newest: Made, fault: str) -> None:
    (found,) = _faults(bucket(FULL, DIFF, newest))
    assert newest.label in found
    assert fault in found
    assert "Repair: " in found


@pytest.mark.parametrize(
    "newest",
    [
        replace(NEWEST, ago=timedelta(hours=26)),
        replace(NEWEST, size=15_000_000),
        replace(NEWEST, added=1),
        replace(NEWEST, label="20261127-020959F", kind="full", added=2_000_000),
        replace(NEWEST, error=None),
        replace(NEWEST, last=57),
    ],
    ids=["a day of 25 h", "half as large", "nothing was written", "another kind", "not told", "the last segment"],
)
def test_what_is_at_its_bound_is_no_fault(newest: Made) -> None:
    assert _faults(bucket(FULL, DIFF, newest)) == []


def test_a_full_backup_that_is_small_in_the_bucket_only_is_a_fault() -> None:
    newest = replace(NEWEST, label="20261127-020959F", kind="full", added=1_900_000)
    (found,) = _faults(bucket(FULL, DIFF, newest))
    assert "20261127-020959F, has in the bucket 1.9 MB, less than half of the 4.0 MB of 20261122-020959F" in found


def test_a_bucket_without_the_log_is_a_fault() -> None:
    (found,) = _faults(bucket(*GOOD, archive=[]))
    assert "has no log (WAL) for the newest backup" in found


@pytest.mark.parametrize(
    ("drilled", "expected"),
    [
        (
            drill(timedelta(days=9)),
            ["The last good backup drill was on 2026-11-18 12:00:00 UTC, 9 days 0 h ago; there"],
        ),
        (drill(-timedelta(days=1)), ["The last good backup drill is of 2026-11-28 12:00:00 UTC, in the future"]),
        (
            drill(timedelta(hours=2), ok=False, fault="The segment 0F is missing.") + "\n" + DRILLED,
            ["The backup drill of 2026-11-27 10:00:00 UTC failed: The segment 0F is missing. Repair: docs/backups.md,"],
        ),
        (
            drill(timedelta(hours=2), ok=False, fault="No room") + drill(timedelta(days=9)),
            ["The backup drill of 2026-11-27 10:00:00 UTC failed: No room.", "The last good backup drill was on"],
        ),
        (drill(timedelta(days=9), ok=False, fault="x") + DRILLED, []),
    ],
    ids=["too old", "a clock", "the newest failed", "failed for long", "good again"],
)
def test_a_drill_counts_while_it_is_good_and_of_this_week(drilled: str, expected: list[str]) -> None:
    found = _faults(bucket(*GOOD), drilled)
    assert [fault[: len(begin)] for fault, begin in zip(found, expected, strict=True)] == expected
    assert all("`python -m auren_infra backup drill`" in fault for fault in found)


def test_a_drill_is_not_asked_for_in_the_first_days() -> None:
    young = replace(FULL, ago=timedelta(days=8) - timedelta(minutes=2))
    assert _faults(bucket(young, NEWEST), "") == []
    (found,) = _faults(bucket(replace(FULL, ago=timedelta(days=8)), NEWEST), "")
    assert found.startswith("No backup drill was good since the backups began, 8 days 0 h ago")


def _without_versions(*made: Made, then: str) -> list[str]:
    newest = judge.with_another_before(listing.read(bucket(*made)), NOW)
    return [] if newest is None else [*judge.of_versions(newest, listing.read(then))]


def test_a_bucket_that_does_not_know_how_it_was_keeps_no_versions() -> None:
    (fault,) = _without_versions(*GOOD, then=bucket(status={"code": 1, "message": "missing stanza path"}))
    assert fault.startswith("The bucket keeps no earlier versions of what is overwritten or deleted in it: ")
    assert "before the newest backup, 20261122-020959F_20261127-021000D. " in fault
    assert fault.endswith(" Of another one, see docs/backups.md, A bucket of somebody else.")
    assert _without_versions(*GOOD, then=bucket(FULL, DIFF)) == []


@pytest.mark.parametrize(
    "made",
    [
        (),
        (FULL,),
        (replace(FULL, ago=timedelta(hours=10, seconds=90)), NEWEST),
        (FULL, replace(NEWEST, ago=timedelta(hours=27))),
    ],
    ids=["none", "one", "too near to compare clocks", "one that is too old, which is another fault"],
)
def test_where_nothing_is_known_of_versions_nothing_is_said(made: tuple[Made, ...]) -> None:
    assert _without_versions(*made, then=bucket()) == []
