"""`auren:backups` and `auren:restore`: where the backups are, and what a new database is filled with."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from auren_infra.moment import written
from auren_infra.settings.faults import wrong

PASSPHRASE = "backup-passphrase"
"""The given secret that the backups are encrypted with. It is given, so that no state is needed to read them."""
LATEST = "latest"
_AS_OF = " as of "

_SPACE = re.compile(r"spaces://(?P<region>[a-z]{3}[0-9])/(?P<bucket>[a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
"""A bucket's name is a host's name, since it stands before the region's."""


@dataclass(frozen=True)
class Space:
    """A bucket of DigitalOcean Spaces."""

    region: str
    bucket: str

    @property
    def endpoint(self) -> str:
        """The host of the region's S3 service."""
        return f"{self.region}.digitaloceanspaces.com"


def space(text: str) -> Space | None:
    """The bucket that a valid `auren:backups` names; None for an empty one."""
    match = _SPACE.fullmatch(text)
    return Space(match["region"], match["bucket"]) if match else None


def _backups(value: str) -> str:
    if value and not _SPACE.fullmatch(value):
        raise wrong("not written as it must be; write it like spaces://fra1/auren-backups")
    return value


def target(restore: str) -> tuple[str, ...]:
    """What a valid `auren:restore` says, as words of a machine's command: TARGET, and maybe `--as-of` TIME."""
    wanted, as_of, past = restore.partition(_AS_OF)
    return (*filter(None, [wanted]), *(("--as-of", past) if as_of else ()))


def _moment(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise wrong("neither latest nor a time; write a time like 2026-11-27T12:30:00Z") from None
    if not moment.tzinfo:
        raise wrong("the time has no zone; write it like 2026-11-27T12:30:00Z")
    if moment.microsecond:
        raise wrong("the time has parts of a second; write it like 2026-11-27T12:30:00Z")
    return written(moment)


def _restore(value: str, info: ValidationInfo) -> str:
    wanted, as_of, past = value.partition(_AS_OF)
    if as_of or wanted not in ("", LATEST):
        wanted = wanted if wanted == LATEST else _moment(wanted)
        past = _moment(past) if as_of else ""
        if as_of and wanted != LATEST and past < wanted:
            raise wrong(f"the bucket as it was at {past} has nothing of a later time; write a time before it")
        value = f"{wanted}{as_of}{past}"
    if value and not info.data.get("backups", "unreadable"):
        raise wrong("there is nothing to restore from; name the bucket in auren:backups, or leave this empty")
    return value


Backups = Annotated[str, AfterValidator(_backups)]
Restore = Annotated[str, AfterValidator(_restore)]
