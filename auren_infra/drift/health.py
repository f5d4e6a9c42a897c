"""What stops services that are all as they were deployed: a disk without room, and a clock that is wrong."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from auren_infra.drift.facts import Space
from auren_infra.drift.finding import Finding
from auren_infra.size import size

LEAST_SHARE = 0.05
LEAST_BYTES = 2 << 30
"""A disk is almost full when it has less than both."""
OFF = timedelta(minutes=1)
"""Two clocks that differ by less may be right: the look takes a while. Spaces refuses one that is 15 minutes off."""


def findings(space: Mapping[str, Space], clock: datetime, now: datetime) -> Iterator[Finding]:
    """`clock` is the machine's, `now` that of the machine that this program runs on."""
    for target, found in space.items():
        # What takes the room, or the inodes.
        looks = f"du --one-file-system --max-depth=3 {{}} {shlex.quote(target)} | sort --numeric-sort | tail --lines=20"
        if found.free < min(LEAST_SHARE * found.size, LEAST_BYTES):
            what = f"is almost full: {size(found.free)} of {size(found.size)} are free"
            yield Finding(target, what, by_hand=looks.format("--block-size=1M"))
        elif found.free_inodes < LEAST_SHARE * found.inodes:
            what = f"can hold {found.free_inodes:,} more files only, of {found.inodes:,}"
            yield Finding(target, what, by_hand=looks.format("--inodes"))
    if abs(clock - now) > OFF:
        seconds = round(abs(clock - now).total_seconds())
        way = "ahead of" if clock > now else "behind"
        what = f"is {seconds:,} s {way} the one of the machine that looks"
        yield Finding("the clock", what, by_hand="systemctl restart systemd-timesyncd && timedatectl")
