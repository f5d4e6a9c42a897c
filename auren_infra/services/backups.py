"""What backups of PostgreSQL add to its service.

pgBackRest runs in PostgreSQL's own container, since it needs the data directory and the socket. So the image is one of
ours: the official one, with pgBackRest (`images/postgres`).
"""

from dataclasses import replace

from auren_infra.services.model import FILES, Given, Issued, Preflight, Restore, SecretFile, Service
from auren_infra.settings import backups
from auren_infra.settings.backups import PASSPHRASE, Bucket

STANZA = "auren"
"""The name of the database in the bucket."""
KEY_ID = Issued("backup-key-id")
KEY = Issued("backup-key")
"""Of a bucket that the program makes. This pair cannot delete what was overwritten or deleted before."""
RESTORE_MB = 256


def backed_up(postgres: Service, bucket: Bucket) -> Service:
    """The service with pgBackRest."""
    key_id, key = (KEY_ID, KEY) if bucket.made else (Given(backups.KEY_ID), Given(backups.KEY))
    return replace(
        postgres,
        https=(bucket.port,),
        environment={
            **postgres.environment,
            "PGBACKREST_CONFIG": f"{FILES}/pgbackrest.conf",
            "PGBACKREST_CONFIG_INCLUDE_PATH": "/run/secrets",  # it reads each NAME.conf there
            "PGBACKREST_STANZA": STANZA,
        },
        files=(*postgres.files, "pgbackrest.conf", "postgres-restore.sh"),
        secrets=(
            *postgres.secrets,
            SecretFile("backup-key-id.conf", key_id, _option("repo1-s3-key")),
            SecretFile("backup-key.conf", key, _option("repo1-s3-key-secret")),
            SecretFile("backup-passphrase.conf", Given(PASSPHRASE), _option("repo1-cipher-pass")),
        ),
        tasks=(
            *postgres.tasks,
            Preflight(("pgbackrest", "version")),
            Restore(("bash", f"{FILES}/postgres-restore.sh"), RESTORE_MB),
        ),
    )


def _option(name: str) -> str:
    return f"[global]\n{name}={{secret}}\n"
