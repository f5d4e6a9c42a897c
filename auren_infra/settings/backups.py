"""`auren:backups`, `auren:restoreFrom`, `auren:restore`: where backups are, and what a new database is filled with."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from auren_infra.moment import written
from auren_infra.settings.faults import wrong
from auren_infra.settings.vocabulary import DOMAIN

PASSPHRASE = "backup-passphrase"
"""The given secret that the backups are encrypted with. It is given, so that no state is needed to read them."""
KEY_ID, KEY = "backup-key-id", "backup-key-secret"
"""The given secrets that are the key of a bucket that the program does not make."""
SOURCE_PASSPHRASE, SOURCE_KEY_ID, SOURCE_KEY = "restore-passphrase", "restore-key-id", "restore-key-secret"
"""The same of the bucket of another stack, which is only read."""
SECRETS = (PASSPHRASE, KEY_ID, KEY, SOURCE_PASSPHRASE, SOURCE_KEY_ID, SOURCE_KEY)
"""pgBackRest reads each of them from a line of text."""
LATEST = "latest"
_AS_OF = " as of "

_SPACE = re.compile(r"spaces://(?P<region>[a-z]{3}[0-9])/(?P<bucket>[a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
"""A bucket's name is a host's name, since it stands before the region's."""
_S3 = re.compile(
    rf"s3://(?P<host>{DOMAIN})(?::(?P<port>[1-9][0-9]{{0,4}}))?/(?P<region>[a-z0-9-]{{1,63}})"
    r"/(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])"
)
_HTTPS = 443


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3 service, which is asked by https."""

    host: str
    region: str
    name: str
    port: int = _HTTPS
    made: bool = False
    """Whether the program makes it and its keys, at DigitalOcean Spaces. Else it is there already."""

    @property
    def endpoint(self) -> str:
        """The service, as pgBackRest names it."""
        return self.host if self.port == _HTTPS else f"{self.host}:{self.port}"

    def is_the(self, other: "Bucket") -> bool:
        """Whether both are one bucket, whoever has made it."""
        return (self.endpoint, self.name) == (other.endpoint, other.name)


def bucket(text: str) -> Bucket | None:
    """The bucket that a valid `auren:backups` or `auren:restoreFrom` names; None for an empty one."""
    if match := _SPACE.fullmatch(text):
        return Bucket(f"{match['region']}.digitaloceanspaces.com", match["region"], match["bucket"], made=True)
    if match := _S3.fullmatch(text):
        return Bucket(match["host"], match["region"], match["bucket"], int(match["port"] or _HTTPS))
    return None


def _backups(value: str) -> str:
    found = bucket(value)
    if value and not (found and found.port <= 65535):
        raise wrong(
            "not written as it must be; write it like spaces://fra1/auren-backups, or like "
            "s3://s3.eu-central-1.amazonaws.com/eu-central-1/auren-backups for a bucket that exists already"
        )
    return value


def _restore_from(value: str, info: ValidationInfo) -> str:
    value = _backups(value)
    source, own = bucket(value), bucket(info.data.get("backups", ""))
    if source and own and source.is_the(own):
        raise wrong(
            "auren:backups names this bucket, too, and the restored database would write into the backups of its "
            "origin; remove this setting to restore this stack's own backups, or name another bucket there"
        )
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
    source = info.data.get("restore_from", "unreadable")
    if value and not source and not info.data.get("backups", "unreadable"):
        raise wrong("there is nothing to restore from; name the bucket in auren:backups, or leave this empty")
    if source not in ("", "unreadable") and not value:
        raise wrong(
            "auren:restoreFrom names a bucket, and this does not say what comes from there; write latest or a time"
        )
    return value


Backups = Annotated[str, AfterValidator(_backups)]
RestoreFrom = Annotated[str, AfterValidator(_restore_from)]
Restore = Annotated[str, AfterValidator(_restore)]
