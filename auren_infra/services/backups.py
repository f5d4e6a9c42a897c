"""What backups of PostgreSQL add to its service.

pgBackRest runs in PostgreSQL's own container, since it needs the data directory and the socket. So the image is one of
ours: the official one, with pgBackRest (`images/postgres`).
"""

from dataclasses import replace

from auren_infra.services.model import (
    FILES,
    DirectoryMount,
    Given,
    Issued,
    Preflight,
    Restore,
    SecretFile,
    Service,
)
from auren_infra.settings import Settings, backups
from auren_infra.settings.backups import PASSPHRASE, SOURCE_PASSPHRASE, Bucket

STANZA = "auren"
"""The name of the database in the bucket."""
KEY_ID = Issued("backup-key-id")
KEY = Issued("backup-key")
"""Of a bucket that the program makes. This pair cannot delete what was overwritten or deleted before."""
SOURCE_KEY_ID = Issued("restore-key-id")
SOURCE_KEY = Issued("restore-key")
"""Of a bucket that another stack has made. This pair can only read."""
ANONYMISE = "/anonymise"
"""Where the container that restores finds the SQL for the data of another stack."""
RESTORE_MB = 256


def backed_up(postgres: Service, settings: Settings) -> Service:
    """The service with pgBackRest, when there is a bucket."""
    buckets = [one for one in (settings.bucket, settings.source) if one]
    if not buckets:
        return postgres
    service = replace(
        postgres,
        https=tuple(sorted({one.port for one in buckets})),
        environment={
            **postgres.environment,
            "PGBACKREST_CONFIG": f"{FILES}/pgbackrest.conf",
            "PGBACKREST_CONFIG_INCLUDE_PATH": "/run/secrets",  # it reads each NAME.conf there
            "PGBACKREST_STANZA": STANZA,
        },
        files=(*postgres.files, "pgbackrest.conf", "postgres-restore.sh"),
        tasks=(
            *postgres.tasks,
            Preflight(("pgbackrest", "version")),
            Restore(("bash", f"{FILES}/postgres-restore.sh"), RESTORE_MB),
        ),
    )
    if settings.bucket:
        service = replace(service, secrets=(*service.secrets, *_own_secrets(settings.bucket)))
    return _from_elsewhere(service, settings, settings.source) if settings.source else service


def _own_secrets(bucket: Bucket) -> tuple[SecretFile, ...]:
    key_id, key = (KEY_ID, KEY) if bucket.made else (Given(backups.KEY_ID), Given(backups.KEY))
    return (
        SecretFile("backup-key-id.conf", key_id, _option("repo1-s3-key")),
        SecretFile("backup-key.conf", key, _option("repo1-s3-key-secret")),
        SecretFile("backup-passphrase.conf", Given(PASSPHRASE), _option("repo1-cipher-pass")),
    )


def _option(name: str) -> str:
    return f"[global]\n{name}={{secret}}\n"


def _from_elsewhere(service: Service, settings: Settings, source: Bucket) -> Service:
    """With what the restore from another stack's bucket needs. Its secrets are no *.conf, so pgBackRest reads them only
    where it is told to."""
    key_id, key = (
        (SOURCE_KEY_ID, SOURCE_KEY) if source.made else (Given(backups.SOURCE_KEY_ID), Given(backups.SOURCE_KEY))
    )
    anonymise = () if settings.real_data else (DirectoryMount("sql/anonymise", ANONYMISE, settings.sql_anonymise),)
    return replace(
        service,
        files=(*service.files, "restore-from.conf"),
        directories=(*service.directories, *anonymise),
        secrets=(
            *service.secrets,
            SecretFile("restore-key-id", key_id),
            SecretFile("restore-key", key),
            SecretFile("restore-passphrase", Given(SOURCE_PASSPHRASE)),
        ),
    )


def wanted(settings: Settings) -> tuple[str, ...]:
    """What empty volumes are filled with, as words of `auren-backup fill`: nothing; or TARGET, and maybe `--as-of`
    TIME. Of another stack, `anonymised` or `real` comes first."""
    kind = ("real" if settings.real_data else "anonymised",) if settings.source else ()
    return (*kind, *backups.target(settings.restore))
