"""All differences between what was deployed and what is there. Pure: no engine, no machine."""

from collections.abc import Sequence

from auren_infra.drift import containers, files, system, walls
from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.host.sent import Command


def findings(commands: Sequence[Command], facts: Facts) -> list[Finding]:
    """In the order in which they are best repaired."""
    return [
        *system.findings(commands, facts),
        *walls.findings(commands, facts),
        *files.findings(commands, facts),
        *containers.findings(commands, facts),
    ]
