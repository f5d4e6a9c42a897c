"""What backups cost: how often the data is in the bucket, and what that costs at DigitalOcean Spaces.

Bounds from above, before compression: nobody knows how well data can be compressed, or how much of it changes in a day.
"""

import math
from dataclasses import dataclass

from auren_infra.droplet_sizes import USD_FOR_SPACES

USD_PER_GB = 0.02
"""A month, beyond `INCLUDED_GB`. Source: DigitalOcean's price list of Spaces."""
INCLUDED_GB = 250
_FULL_DAYS = 7
"""From one full backup to the next."""


@dataclass(frozen=True)
class Retention:
    """`auren:backupDays`, `auren:backupWeeks` and `auren:backupMonths`."""

    days: int
    weeks: int
    months: int

    @property
    def full(self) -> int:
        """How often an unchanged database is in the bucket, at most. What is deleted stays for `days`."""
        return 2 * math.ceil(self.days / _FULL_DAYS) + 2 + self._beyond

    @property
    def daily(self) -> int:
        """How often what is stored whole each day is there, at most: a copy, or a database that changes all over."""
        return 2 * self.days + 3 + self._beyond

    @property
    def _beyond(self) -> int:
        """Those of weeks and months that are older than the days."""
        return max(0, self.weeks - self.days // 7) + max(0, self.months - self.days // 31)


def table(retention: Retention) -> str:
    """How often a GB is stored, and its price."""
    days, weeks, months = retention.days, retention.weeks, retention.months
    rows = [
        ("PostgreSQL, if nothing changes", retention.full),
        ("PostgreSQL, if all of it changes each day", retention.daily),
        ("another store", retention.daily),
    ]
    lines = [
        f"Backups of {days} days, {weeks} weeks and {months} months, before compression",
        f"{'A GB of':<42}{'Stored':>12}{'USD a month':>13}",
        *(f"{what:<42}{f'{times} times':>12}{times * USD_PER_GB:>13.2f}" for what, times in rows),
        f"Spaces costs USD {USD_FOR_SPACES:.2f} a month, which includes the first {INCLUDED_GB} GB of all buckets.",
    ]
    return "".join(f"{line}\n" for line in lines)
