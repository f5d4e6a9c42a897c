"""The drills of the backups, as the machine records them, and what is wrong with them.

A drill restores the newest backup beside the database, and counts what it finds. Only that shows that a backup can be
restored: `pgbackrest verify` ends well over a segment that is missing. Pure: no machine, no clock.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from auren_infra.moment import lasting, shown

LONGEST = timedelta(days=8)
"""Between two good drills. There is one a week."""
CLOCKS = timedelta(minutes=10)
"""How far two clocks may differ."""


class Drill(BaseModel):
    """The record of one drill. What a failed one did not come to is None or empty."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    ended: AwareDatetime
    ok: bool
    fault: str = ""
    backup: str = ""
    """The label of what was restored."""
    seconds: int | None = None
    age_seconds: int | None = None
    """How old the newest row was that came back: about so much would have been lost."""
    rows: int | None = None
    tables: int | None = None


@dataclass(frozen=True)
class Fault:
    """A sentence in two parts."""

    subject: str
    what: str
    failed: bool = False
    """Whether a drill failed, so that there is a cause to be repaired."""


def read(text: str) -> tuple[Drill, ...]:
    """The drills in one or several records, one behind another. Raises `ValueError`."""
    found: list[Drill] = []
    rest, decoder = text.lstrip(), json.JSONDecoder()
    while rest:
        record, end = decoder.raw_decode(rest)
        found.append(Drill.model_validate(record))
        rest = rest[end:].lstrip()
    return tuple(found)


def newest(drills: Sequence[Drill]) -> Drill | None:
    return max(drills, key=lambda drill: drill.ended, default=None)


def faults(drills: Sequence[Drill], since: datetime | None, now: datetime) -> Iterator[Fault]:
    """`since` is when the backups began; None is long ago."""
    last = newest(drills)
    if last and not last.ok:
        what = f"failed: {last.fault.rstrip('.') or 'no cause is told'}"
        yield Fault(f"The backup drill of {shown(last.ended)}", what, failed=True)
    good = newest([drill for drill in drills if drill.ok])
    if good is None:
        if since is None or now - since > LONGEST:
            began = f" since the backups began, {lasting(now - since)} ago" if since else ""
            yield Fault("No backup drill", f"was good{began}: nobody knows whether a backup can be restored")
    elif now - good.ended > LONGEST:
        what = f"was on {shown(good.ended)}, {lasting(now - good.ended)} ago; there should be one a week"
        yield Fault("The last good backup drill", what)
    elif good.ended - now > CLOCKS:
        what = f"is of {shown(good.ended)}, in the future: the clock of the machine was wrong, or is"
        yield Fault("The last good backup drill", what)
