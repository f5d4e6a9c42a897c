"""pgBackRest's listing is read as far as it is needed, and shown as a table."""

import json
import re

import pytest

from auren_infra.backup import listing, table
from auren_infra.backup.listing import ListingError
from tests.unit.backup.bucket import DIFF, FULL, GOOD, NEWEST, bucket, wal


def test_the_table_has_a_line_for_each_backup() -> None:
    head, full, earlier, newest, *below = table.render(listing.read(bucket(*GOOD))).splitlines()
    assert head.split("  ")[0] == "LABEL"
    assert [re.split("  +", line) for line in (full, earlier, newest)] == [
        [FULL.label, "full", "2026-11-22 02:00:00 UTC", "30.0 MB", "4.0 MB", f"{wal(2)} to {wal(3)}"],
        [DIFF.label, "diff", "2026-11-26 02:00:00 UTC", "30.0 MB", "90.0 kB", f"{wal(2)} to {wal(3)}"],
        [NEWEST.label, "diff", "2026-11-27 02:00:00 UTC", "30.0 MB", "90.0 kB", f"{wal(40)} to {wal(41)}"],
    ]
    assert len({line.index(" 2026-") for line in (full, earlier, newest)} | {head.index(" ENDED")}) == 1
    assert below == [
        "",
        "3 backups, 4.2 MB in the bucket, without the log.",
        f"The bucket has the log (WAL) from {wal(2)} to {wal(57)}, whole for the days of auren:backupDays.",
        "Only a drill shows that no part of it is missing: `python -m auren_infra backup check` asks for it.",
    ]


def test_an_empty_bucket_says_why_it_is() -> None:
    shown = bucket(status={"code": 1, "message": "missing stanza path"}, archive=[])
    assert table.render(listing.read(shown)) == "There is no backup: missing stanza path.\n"


@pytest.mark.parametrize("field", ["label", "type", "timestamp", "archive", "info", "database"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    shown = json.loads(bucket(*GOOD))
    del shown[0]["backup"][1][field]
    with pytest.raises(ListingError, match=rf"\n  0\.backup\.1\.{field}: Field required\nUse the checkout"):
        listing.read(json.dumps(shown))


@pytest.mark.parametrize(
    ("printed", "fault"), [("No stanzas", "  all: Invalid JSON"), ("[]", "tells of 0 databases"), ("{}", "  all: ")]
)
def test_what_is_no_listing_is_refused(printed: str, fault: str) -> None:
    with pytest.raises(ListingError, match=fault):
        listing.read(printed)
