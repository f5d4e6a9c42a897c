"""What is wrong with the backups, each fault in one sentence with its repair. Pure: no machine, no clock."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from auren_infra import drills
from auren_infra.backup.copies import Store
from auren_infra.backup.listing import NO_BACKUP, Backup, Listing
from auren_infra.drills import CLOCKS, Drill
from auren_infra.moment import lasting, shown
from auren_infra.size import size

OLDEST = timedelta(hours=26)
"""Of the newest backup. There is one a day, and a day of the clock may have two hours more."""

_APART = timedelta(minutes=1)
"""Between two backups that are compared by the clock of the bucket's server, which is not the machine's."""

_WORTH_COMPARING = 2**20
"""Bytes of a copy. A smaller one may well be less than half as large as the one before."""

SILENCE = timedelta(minutes=10)
"""Since the newest segment of the log has arrived. One does each minute, since the sentinel is written."""

_NOW = "`python -m auren_infra backup now`"
_FULL = "`python -m auren_infra backup now --full`"
_DRILL = "`python -m auren_infra backup drill`"
_PAGE = "docs/backups.md"
_TROUBLE = f"{_PAGE}, When the bucket cannot be read"
_MEANINGS = {
    1: ("The bucket holds nothing of this database", "`pulumi up`, which begins the backups again"),
    NO_BACKUP: ("There is no backup in the bucket", f"{_FULL}. If there was one before, see {_PAGE}, After a theft"),
    3: ("The bucket has lost the list of its backups", f"see {_PAGE}, After a theft"),
}
"""What a status' code means, and its repair."""


def faults(listing: Listing, found: Sequence[Drill], now: datetime) -> list[str]:
    """All of them, of the bucket and of the drills. Empty: the backups are good."""
    newest = listing.newest
    since = min((backup.timestamp.start for backup in listing.backup), default=None)
    return [
        *_status(listing),
        *(_of(listing, newest, now) if newest else ()),
        *(of_drills(found, since, now) if newest else ()),
    ]


def of_drills(found: Sequence[Drill], since: datetime | None, now: datetime) -> Iterator[str]:
    """`since` is when the backups began; None is long ago."""
    for fault in drills.faults(found, since, now):
        failed = f"{_PAGE}, When a drill fails, has the repair of each cause, then " if fault.failed else ""
        yield f"{fault.subject} {fault.what}. Repair: {failed}{_DRILL}."


def unreadable(said: str) -> Iterator[str]:
    """`said` is why the machine could not list what the bucket holds."""
    yield f"The bucket cannot be read: {said.strip().rstrip('.') or 'no cause is told'}. Repair: {_TROUBLE}."


def of_log(since: timedelta | None, missing: str) -> Iterator[str]:
    """`since` is when the newest segment has arrived in the bucket; None when the database cannot be asked. `missing`
    is a sentence when there is a gap before it."""
    if missing:
        yield f"{missing} What was written after it can be restored from the next backup on. Repair: {_FULL}."
    if since is None:
        yield "PostgreSQL does not say when its log (WAL) has arrived in the bucket. Repair: see whether it runs."
    elif since > SILENCE:
        yield (
            f"No log (WAL) has arrived in the bucket for {lasting(since)}, so what was written since then cannot be "
            f"restored. Repair: {_TROUBLE}. On the machine, `docker logs auren-postgres` says why."
        )


def of_copies(stores: Sequence[Store], now: datetime) -> Iterator[str]:
    """What is wrong with the copies of the other stores."""
    for store in stores:
        yield from _of_copy(store, now)


def with_another_before(listing: Listing, now: datetime) -> Backup | None:
    """The newest backup, when the bucket must know how it was before it: with an earlier one, well before it."""
    newest = listing.newest
    if newest is None or now - newest.timestamp.stop > OLDEST:
        return None
    before = (backup for backup in listing.backup if backup.timestamp.stop + _APART <= newest.timestamp.start)
    return newest if any(before) else None


def of_versions(newest: Backup, then: Listing) -> Iterator[str]:
    """`then` is what the bucket lists as of the start of the newest backup, when it had another one."""
    if not then.backup:
        yield (
            "The bucket keeps no earlier versions of what is overwritten or deleted in it: it does not know any more "
            f"what it held before the newest backup, {newest.label}. So what somebody deletes there is lost. Repair: "
            "`pulumi up --refresh` switches versions on again in a bucket that the program has made. Of another one, "
            f"see {_PAGE}, A bucket of somebody else."
        )


def of_lost(lines: Sequence[str]) -> Iterator[str]:
    """`lines` are what `auren-backup lost` prints: NAME TIME of each."""
    if lines:
        newest = max(lines, key=lambda line: line.split()[-1])
        yield (
            f"The bucket has lost what it had and should still have: {len(lines)} backups and copies, the newest of "
            f"them {newest}. Repair: if somebody has deleted them, see {_PAGE}, After a theft. It ends with how to "
            "have this fault forgotten."
        )


def _of_copy(store: Store, now: datetime) -> Iterator[str]:
    if store.newest is None:
        yield f"There is no copy of {store.volume} in the bucket. Repair: {_NOW}."
        return
    yield from _old(f"The newest copy of {store.volume} was made", store.newest.made, now)
    before = store.copies[-2] if len(store.copies) > 1 else store.newest
    if before.size >= _WORTH_COMPARING and 2 * store.newest.size < before.size:
        yield (
            f"The newest copy of {store.volume} has {size(store.newest.size)}, less than half of the "
            f"{size(before.size)} of the one before it. Repair: if nobody deleted so much on purpose, see {_PAGE}, "
            "Restore from nothing."
        )


def _status(listing: Listing) -> Iterator[str]:
    status = listing.status
    if status.code == 0 and listing.backup:
        return
    if status.code == 0:
        meaning, repair = _MEANINGS[NO_BACKUP]
    elif status.code in _MEANINGS:
        meaning, repair = _MEANINGS[status.code]
    else:
        told = [one.status.message for one in listing.repo if one.status and one.status.code]
        meaning = f"pgBackRest cannot read the bucket: {'; '.join([status.message, *told])}"
        repair = _TROUBLE
    yield f"{meaning}. Repair: {repair}."


def _of(listing: Listing, newest: Backup, now: datetime) -> Iterator[str]:
    ended = newest.timestamp.stop
    yield from _old(f"The newest backup, {newest.label}, ended", ended, now)
    if ended - now > CLOCKS:
        yield (
            f"The newest backup, {newest.label}, ended on {shown(ended)}, in the future: the machine's clock or this "
            "one is wrong. Repair: set the clock (`timedatectl`)."
        )
    if newest.error:
        yield (
            f"The newest backup, {newest.label}, holds damaged pages: their checksums were wrong in the database. "
            f"Repair: restore to a time before the damage, {_PAGE}."
        )
    yield from _shrunk(listing.backup, newest)
    archive = listing.archive_of(newest)
    if not (archive and archive.min and archive.max):
        yield (
            f"The bucket has no log (WAL) for the newest backup, {newest.label}, so it cannot be restored. "
            f"Repair: {_TROUBLE}."
        )
    elif archive.min > newest.archive.start or archive.max < newest.archive.stop:
        yield (
            f"The bucket has the log (WAL) from {archive.min} to {archive.max}, and the newest backup, {newest.label}, "
            f"needs it from {newest.archive.start} to {newest.archive.stop}, so it cannot be restored. Repair: {_FULL}."
        )


def _old(what: str, moment: datetime, now: datetime) -> Iterator[str]:
    if now - moment > OLDEST:
        yield (
            f"{what} on {shown(moment)}, {lasting(now - moment)} ago; there should be one a day. Repair: {_NOW}. "
            "On the machine, `journalctl --unit auren-backup` says why there was none."
        )


def _shrunk(backups: Sequence[Backup], newest: Backup) -> Iterator[str]:
    """The database is compared, which every kind tells. Of a full backup, also what it added to the bucket."""
    earlier = [each for each in backups if each.kind == newest.kind and each.label != newest.label]
    before = max(earlier, key=lambda backup: backup.timestamp.stop, default=None)
    if before is None:
        return
    compared = [("holds a database of", newest.info.size, before.info.size)]
    if newest.kind == "full":
        compared.append(("has in the bucket", newest.info.repository.delta, before.info.repository.delta))
    for what, now, then in compared:
        if 2 * now < then:
            yield (
                f"The newest backup, {newest.label}, {what} {size(now)}, less than half of the {size(then)} of "
                f"{before.label} before it. Repair: if nobody deleted so much on purpose, restore to a time before, "
                f"{_PAGE}."
            )
            return
