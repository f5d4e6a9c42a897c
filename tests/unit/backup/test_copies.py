"""The copies of the other stores: read, judged, shown."""

from datetime import timedelta

import pytest

from auren_infra.backup import judge, table
from auren_infra.backup.copies import Copy, Store, read
from auren_infra.backup.listing import ListingError
from tests.unit.backup.bucket import NOW

DAY = timedelta(days=1)


def _store(*copies: Copy) -> Store:
    return Store("redis", "redis-data", copies)


def test_the_copies_are_read_by_volume_the_oldest_first() -> None:
    told = "kafka\tkafka-data\nredis\tredis-data\t2026-11-26T02:10:00Z\t7\nredis\tredis-data\t2026-11-27T02:10:00Z\t9\n"
    kafka, redis = read(told)
    assert (kafka.service, kafka.volume, kafka.newest) == ("kafka", "kafka-data", None)
    assert [copy.size for copy in redis.copies] == [7, 9]
    assert redis.newest == redis.copies[1]
    assert redis.copies[1].made - redis.copies[0].made == DAY


@pytest.mark.parametrize(
    "line",
    [
        "redis",
        "redis\tredis-data\tyesterday\t7",
        "redis\tredis-data\t2026-11-27T02:10:00\t7",
        "redis\tredis-data\t2026-11-27T02:10:00Z\tbig",
        "redis\tredis-data\t2026-11-27T02:10:00Z\t7\t8",
    ],
)
def test_what_is_no_copy_is_refused(line: str) -> None:
    with pytest.raises(ListingError, match="auren-backup copies` does not print what this program reads"):
        read(f"{line}\n")


@pytest.mark.parametrize(
    ("store", "fault"),
    [
        (_store(), "There is no copy of redis-data in the bucket. Repair: `python -m auren_infra backup now`."),
        (_store(Copy(NOW - 2 * DAY, 7)), "The newest copy of redis-data was made on "),
        (
            _store(Copy(NOW - DAY, 3 << 20), Copy(NOW, 1 << 20)),
            "The newest copy of redis-data has 1.0 MB, less than half of the 3.1 MB of the one before it.",
        ),
    ],
    ids=["none", "old", "small"],
)
def test_a_fault_of_a_copy_names_it_and_its_repair(store: Store, fault: str) -> None:
    (said,) = judge.of_copies([store], NOW)
    assert said.startswith(fault)
    assert "Repair: " in said


@pytest.mark.parametrize(
    "copies",
    [
        (Copy(NOW - timedelta(hours=26), 7),),
        (Copy(NOW - DAY, 2 << 20), Copy(NOW, 1 << 20)),
        (Copy(NOW - DAY, 900), Copy(NOW, 7)),
        (Copy(NOW - 2 * DAY, 9 << 20), Copy(NOW - DAY, 2 << 20), Copy(NOW, 2 << 20)),
    ],
    ids=["of a day", "half as large", "too small to compare", "small for long"],
)
def test_what_is_at_its_bound_is_no_fault(copies: tuple[Copy, ...]) -> None:
    assert list(judge.of_copies([_store(*copies)], NOW)) == []


def test_a_store_has_a_line_whether_it_has_copies_or_not() -> None:
    shown = table.render_copies([Store("kafka", "kafka-data", ()), _store(Copy(NOW - DAY, 5), Copy(NOW, 7))])
    empty, head, kafka, redis = shown.splitlines()
    assert (empty, head.split()[0], kafka) == ("", "COPIES", "kafka-data  0")
    assert redis.startswith("redis-data  2       20")
    assert redis.endswith("7 B")
