"""What the bucket holds, as a table for people."""

from collections.abc import Iterator, Sequence

from auren_infra import drills
from auren_infra.backup.copies import Store
from auren_infra.backup.listing import Listing
from auren_infra.drills import Drill
from auren_infra.moment import shown
from auren_infra.size import size

_HEAD = ("LABEL", "KIND", "ENDED", "DATABASE", "IN BUCKET", "NEEDS THE LOG (WAL)")
_COPIES = ("COPIES OF", "NUMBER", "OLDEST", "NEWEST", "SIZE OF THE NEWEST")


def render(listing: Listing) -> str:
    """The backups, the newest last, then the log. An empty bucket says why it is."""
    lines = list(_backups(listing)) if listing.backup else [f"There is no backup: {listing.status.message}."]
    lines += [
        f"The bucket has the log (WAL) from {one.min} to {one.max}, whole for the days of auren:backupDays."
        for one in listing.archive
        if one.min
    ]
    if listing.backup:
        lines.append(
            "Only a drill shows that no part of it is missing: `python -m auren_infra backup check` asks for it."
        )
    return "".join(f"{line}\n" for line in lines)


def render_copies(stores: Sequence[Store]) -> str:
    """The copies of the other stores, a line for each volume."""
    rows = [
        (store.volume, str(len(store.copies)), shown(store.copies[0].made), shown(newest.made), size(newest.size))
        if (newest := store.newest)
        else (store.volume, "0", "", "", "")
        for store in stores
    ]
    return "".join(f"{line}\n" for line in ["", *_aligned([_COPIES, *rows])])


def summary(listing: Listing, found: Sequence[Drill]) -> str:
    """Of backups in which no fault was found."""
    newest, good = listing.newest, drills.newest([drill for drill in found if drill.ok])
    lines = [f"The backups are good. There are {len(listing.backup)} in the bucket."]
    lines += [f"The newest, {newest.label}, ended on {shown(newest.timestamp.stop)}."] if newest else []
    lines += [f"The last good drill was on {shown(good.ended)}." if good else "There was no drill yet."]
    return "".join(f"{line}\n" for line in lines)


def _backups(listing: Listing) -> Iterator[str]:
    rows = [
        (
            backup.label,
            backup.kind,
            shown(backup.timestamp.stop),
            size(backup.info.size),
            size(backup.info.repository.delta),
            f"{backup.archive.start} to {backup.archive.stop}",
        )
        for backup in listing.backup
    ]
    yield from _aligned([_HEAD, *rows])
    yield ""
    added = sum(backup.info.repository.delta for backup in listing.backup)
    yield f"{len(rows)} {'backup' if len(rows) == 1 else 'backups'}, {size(added)} in the bucket, without the log."


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
