"""Backups that nobody has restored for long, even if each of them was made."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from auren_infra import drills
from auren_infra.drift.finding import Finding
from auren_infra.drills import Drill
from auren_infra.files import paths
from auren_infra.host.expected import Expected


def are_configured(wanted: Expected) -> bool:
    """Whether the machine was deployed with backups: then it has their program."""
    return any(one.path == f"{paths.COMMANDS}/auren-backup" for one in wanted.files)


def findings(found: Sequence[Drill], since: datetime | None, now: datetime) -> Iterator[Finding]:
    """`since` is when the backups began; None is long ago. Another drill shows whether a repair has helped."""
    for fault in drills.faults(found, since, now):
        cause = ". docs/backups.md, When a drill fails, has what must be repaired before" if fault.failed else ""
        yield Finding(fault.subject, f"{fault.what}{cause}", by_hand=f"systemctl start {paths.DRILL_UNIT}")
