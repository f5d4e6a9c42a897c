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


def _restore(value: str, info: ValidationInfo) -> str:
    if value not in ("", LATEST):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise wrong("neither latest nor a time; write a time like 2026-11-27T12:30:00Z") from None
        if not moment.tzinfo:
            raise wrong("the time has no zone; write it like 2026-11-27T12:30:00Z")
        if moment.microsecond:
            raise wrong("the time has parts of a second; write it like 2026-11-27T12:30:00Z")
        value = written(moment)
    if value and not info.data.get("backups", "unreadable"):
        raise wrong("there is nothing to restore from; name the bucket in auren:backups, or leave this empty")
    return value


Backups = Annotated[str, AfterValidator(_backups)]
Restore = Annotated[str, AfterValidator(_restore)]
