"""What a machine with AUREN's services does on a schedule."""

from auren_infra.services import capacity
from auren_infra.services.backups import RESTORE_MB
from auren_infra.services.model import Job
from auren_infra.settings import Settings

_BACKUP = "/usr/local/sbin/auren-backup"


def jobs(settings: Settings) -> tuple[Job, ...]:
    """Those of the backups, when there are any. A drill has the memory of services that lend theirs."""
    if not settings.backups:
        return ()
    drill = " ".join((f"{_BACKUP} drill", *capacity.lenders(settings, RESTORE_MB)))
    return (
        Job("backup", "Backs the database up, and copies the other stores", f"{_BACKUP} run", "*-*-* 02:10:00"),
        Job("drill", "Restores the newest backup for practice, and tries the copies", drill, "Sun *-*-* 05:10:00"),
        Job(
            "sentinel",
            "Writes the time into the database, so that a restore shows until when it goes",
            f"{_BACKUP} sentinel",
            "*-*-* *:*:00",
            catches_up=False,
        ),
    )
