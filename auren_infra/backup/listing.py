"""What the bucket holds, as `pgbackrest info --output=json` tells it.

pgBackRest keeps this form stable. Only what is needed is read: other fields may be there or not. With backups in blocks
(`repo1-block`), as here, it tells how much a backup added to the bucket, and not how large the backup is there.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.types import AwareDatetime, NonNegativeInt

NO_BACKUP = 2
"""The code of a status: there is no backup."""

_MOST_FAULTS = 5
_WAL = Annotated[str, Field(pattern="^[0-9A-F]{24}$")]


class ListingError(ValueError):
    """What was printed is no listing; the text says why, and what to do."""


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True)


class Status(_Read):
    code: int
    """0 is good."""
    message: str


class Repository(_Read):
    """A bucket. There is one."""

    status: Status | None = None


class Database(_Read):
    id: int
    """Another one for another release of PostgreSQL, or another database."""


class Archive(_Read):
    """The first and the last segment of the log (WAL) in the bucket. None when there is none."""

    database: Database
    min: _WAL | None
    max: _WAL | None


class Segments(_Read):
    """Those that a backup needs by all means."""

    start: _WAL
    stop: _WAL


class Times(_Read):
    start: AwareDatetime
    stop: AwareDatetime


class InBucket(_Read):
    delta: NonNegativeInt


class Sizes(_Read):
    """In bytes."""

    size: NonNegativeInt
    """Of the database."""
    repository: InBucket
    """What the backup added to the bucket, compressed."""


class Backup(_Read):
    label: str
    kind: str = Field(alias="type")
    """`full`, `diff` or `incr`."""
    error: bool | None = None
    """Whether pages of the database were damaged when the backup was made."""
    timestamp: Times
    archive: Segments
    info: Sizes
    database: Database


class Listing(_Read):
    """Of one database."""

    status: Status
    repo: list[Repository] = []
    backup: list[Backup]
    """The oldest first."""
    archive: list[Archive] = []

    @property
    def newest(self) -> Backup | None:
        return max(self.backup, key=lambda backup: backup.timestamp.stop, default=None)

    def archive_of(self, backup: Backup) -> Archive | None:
        return next((one for one in self.archive if one.database.id == backup.database.id), None)


_LISTINGS = TypeAdapter(list[Listing])


def read(text: str) -> Listing:
    """The one database in what was printed. Raises `ListingError`."""
    try:
        found = _LISTINGS.validate_json(text)
    except ValidationError as error:
        places = [f"  {'.'.join(map(str, each['loc'])) or 'all'}: {each['msg']}" for each in error.errors()]
        more = [f"  and {len(places) - _MOST_FAULTS} more"] if len(places) > _MOST_FAULTS else []
        raise ListingError(
            "The machine's `auren-backup list` does not print what this program reads "
            "(`pgbackrest info --output=json`):\n"
            + "\n".join([*places[:_MOST_FAULTS], *more])
            + "\nUse the checkout that the stack was deployed with."
        ) from None
    if len(found) != 1:
        raise ListingError(f"The machine's `auren-backup list` tells of {len(found)} databases; there should be one.")
    return found[0]
