"""What backups cost: never more is in the bucket than was said."""

from datetime import UTC, datetime, timedelta

import pytest

from auren_infra.services import capacity
from auren_infra.services.backup_cost import Retention
from tests.unit.host.database_machine import kept

BEGIN = datetime(2026, 1, 1, 2, tzinfo=UTC)


def _most(retention: Retention, every: int) -> int:
    """Of a backup each so many days, how many are in the bucket at most, with those that were deleted."""
    held, deleted, most = list[datetime](), dict[datetime, datetime](), 0
    for day in range(0, 500, every):
        now = BEGIN + timedelta(days=day)
        held.append(now)
        wanted = kept(held, now + timedelta(minutes=1), retention.days, retention.weeks, retention.months)
        deleted |= {one: now for one in held if one not in wanted}
        held = sorted(wanted)
        versions = [one for one, moment in deleted.items() if moment > now - timedelta(days=retention.days)]
        most = max(most, len(held) + len(versions))
    return most


@pytest.mark.parametrize("retention", [Retention(30, 8, 12), Retention(7, 0, 3), Retention(45, 20, 0)])
def test_never_more_is_in_the_bucket(retention: Retention) -> None:
    assert _most(retention, 7) <= retention.full
    assert _most(retention, 1) <= retention.daily


def test_the_bound_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    retention = Retention(30, 8, 3)
    assert _most(retention, 7) >= 0.7 * retention.full
    assert _most(retention, 1) >= 0.7 * retention.daily
    assert capacity.main(["--retention", "7", "0", "0"]) == 0
    told = capsys.readouterr().out
    assert "Backups of 7 days, 0 weeks and 0 months, before compression\n" in told
    assert "PostgreSQL, if nothing changes                 4 times         0.08\n" in told
