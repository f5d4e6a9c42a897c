"""What backups of PostgreSQL add to its service.

pgBackRest runs in PostgreSQL's own container, since it needs the data directory and the socket. So the image is one of
ours: the official one, with pgBackRest (`images/postgres`).
"""

from dataclasses import replace

from auren_infra.services.model import FILES, Given, Issued, Preflight, Restore, SecretFile, Service
from auren_infra.settings.backups import PASSPHRASE

STANZA = "auren"
"""The name of the database in the bucket."""
KEY_ID = Issued("backup-key-id")
KEY = Issued("backup-key")
"""Of the bucket. This pair cannot delete what was overwritten or deleted before."""
RESTORE_MB = 256


def backed_up(postgres: Service) -> Service:
    """The service with pgBackRest."""
    return replace(
        postgres,
        https=True,
        environment={
            **postgres.environment,
            "PGBACKREST_CONFIG": f"{FILES}/pgbackrest.conf",
            "PGBACKREST_CONFIG_INCLUDE_PATH": "/run/secrets",  # it reads each NAME.conf there
            "PGBACKREST_STANZA": STANZA,
        },
        files=(*postgres.files, "pgbackrest.conf", "postgres-restore.sh"),
        secrets=(
            *postgres.secrets,
            SecretFile("backup-key-id.conf", KEY_ID, _option("repo1-s3-key")),
            SecretFile("backup-key.conf", KEY, _option("repo1-s3-key-secret")),
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
