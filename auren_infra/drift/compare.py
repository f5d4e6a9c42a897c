"""All differences between what was deployed and what is there. Pure: no engine, no machine."""

from collections.abc import Sequence

from auren_infra.drift import containers, directories, files, ports, sshd, system, users, walls
from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.host.sent import Command


def findings(commands: Sequence[Command], facts: Facts, login_key: str) -> list[Finding]:
    """In the order in which they are best repaired. `login_key` is the public key that the program logs in with."""
    return [
        *system.findings(commands, facts),
        *walls.findings(commands, facts),
        *ports.findings(commands, facts),
        *sshd.findings(facts),
        *users.findings(facts, login_key),
        *directories.findings(commands, facts),
        *files.findings(commands, facts),
        *containers.findings(commands, facts),
    ]
