"""All differences between what was deployed and what is there. Pure: no engine, no machine."""

from datetime import datetime

from auren_infra.drift import backups, containers, directories, files, health, ports, sshd, system, users, walls
from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.host.expected import Expected


def findings(wanted: Expected, facts: Facts, login_key: str, now: datetime) -> list[Finding]:
    """In the order in which they are best repaired.

    `login_key` is the public key that the program logs in with. `now` is when it has looked.
    """
    return [
        *health.findings(facts.space, facts.clock, now),
        *system.findings(wanted, facts),
        *walls.findings(wanted, facts),
        *ports.findings(wanted, facts),
        *sshd.findings(facts),
        *users.findings(facts, login_key),
        *directories.findings(wanted, facts),
        *files.findings(wanted, facts),
        *containers.findings(wanted, facts),
        *(backups.findings(facts.drills, facts.backups_since, facts.clock) if backups.are_configured(wanted) else ()),
    ]
