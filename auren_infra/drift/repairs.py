"""The repairs of all differences together, in the one order that they have."""

from collections.abc import Sequence

from auren_infra.drift import length
from auren_infra.drift.finding import Finding

TITLE = "To repair all of it, in this order:"
ON_THE_MACHINE = "On the machine, line by line:"
HERE = "Here:"


def in_order(found: Sequence[Finding], stack: str | None) -> list[str]:
    """The steps as lines, each command once; none when a single line says it all."""
    by_hand = list(dict.fromkeys(finding.by_hand for finding in found if finding.by_hand))
    urns = list(dict.fromkeys(urn for finding in found for urn in finding.urns))
    if len(found) < 2:
        return []
    steps = [(ON_THE_MACHINE, length.typed(by_hand))] if by_hand else []
    steps += [(HERE, length.commands(urns, stack))] if urns else []
    lines = [TITLE]
    for number, (where, commands) in enumerate(steps, 1):
        lines += [f"{number}. {where}", *(f"     {command}" for command in commands)]
    return lines
