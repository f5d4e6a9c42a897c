"""Directories that hold what was deployed: who may look into them, and who may put something there."""

from collections.abc import Iterator

from auren_infra.drift.facts import Facts
from auren_infra.drift.finding import Finding
from auren_infra.host.expected import Expected


def findings(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    """One that is gone is told by what was in it."""
    there = facts.files
    for one in wanted.directories:
        found = there.get(one.path)
        owner, group = one.owner.split(":")
        repair = f"install --directory --mode={one.mode:04o} --owner={owner} --group={group} {one.path}"
        for what in found.differences(one.mode, one.owner) if found else ():
            yield Finding(one.path, what, by_hand=repair)
    for path in wanted.stores:
        if path in there and there[path].mode & 0o007:
            what = f"has the mode {there[path].mode:04o}, which lets everybody in"
            yield Finding(path, what, by_hand=f"chmod o-rwx {path}")
