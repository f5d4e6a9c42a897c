"""What `pgbackrest info --output=json` prints of a bucket, in the form of version 2.55 with bundles and blocks."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Made:
    """A backup. It ended so long ago."""

    label: str
    kind: str = "full"
    ago: timedelta = timedelta(hours=10)
    size: int = 30_000_000
    added: int = 4_000_000
    first: int = 2
    last: int = 3
    error: bool | None = False

    def shown(self, now: datetime) -> dict[str, Any]:
        ended = int((now - self.ago).timestamp())
        return {
            "archive": {"start": wal(self.first), "stop": wal(self.last)},
            "backrest": {"format": 5, "version": "2.55.1"},
            "database": {"id": 1, "repo-key": 1},
            "error": self.error,
            "info": {
                "delta": self.size,
                "repository": {"delta": self.added, "delta-map": 36544, "size-map": 36544},
                "size": self.size,
            },
            "label": self.label,
            "lsn": {"start": "0/2000028", "stop": "0/3000050"},
            "prior": None,
            "reference": None,
            "timestamp": {"start": ended - 60, "stop": ended},
            "type": self.kind,
        }


FULL = Made("20261122-020959F", ago=timedelta(days=5, hours=10))
DIFF = replace(FULL, label="20261122-020959F_20261126-021000D", kind="diff", ago=timedelta(hours=34), added=90_000)
NEWEST = replace(DIFF, label="20261122-020959F_20261127-021000D", ago=timedelta(hours=10), first=40, last=41)
GOOD = (FULL, DIFF, NEWEST)


def wal(number: int) -> str:
    return f"00000001{0:08X}{number:08X}"


def bucket(*made: Made, now: datetime = NOW, last: int = 57, **other: Any) -> str:
    status = {"code": 0, "message": "ok"} if made else {"code": 2, "message": "no valid backups"}
    archive = {"database": {"id": 1, "repo-key": 1}, "id": "17-1", "max": wal(last), "min": wal(2)}
    return json.dumps(
        [
            {
                "archive": [archive],
                "backup": [each.shown(now) for each in made],
                "cipher": "aes-256-cbc",
                "db": [{"id": 1, "repo-key": 1, "system-id": 7456123456789012345, "version": "17"}],
                "name": "auren",
                "repo": [{"cipher": "aes-256-cbc", "key": 1, "status": status}],
                "status": {**status, "lock": {"backup": {"held": False}, "restore": {"held": False}}},
                **other,
            }
        ]
    )


def drill(ago: timedelta, *, now: datetime = NOW, **other: Any) -> str:
    """A record, as the machine writes it."""
    record = {
        "ended": f"{now - ago:%Y-%m-%dT%H:%M:%SZ}",
        "ok": True,
        "fault": "",
        "backup": NEWEST.label,
        "seconds": 23,
        "newest": f"{now - ago - timedelta(seconds=70):%Y-%m-%dT%H:%M:%SZ}",
        "ageSeconds": 70,
        "rows": 1234,
        "tables": 12,
    }
    return json.dumps(record | other)
