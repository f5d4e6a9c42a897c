"""Files and the stores' directories: an edited, a removed or an added one, and one of another owner or mode."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from auren_infra.drift.facts import NO_FILE, Facts, Inode
from auren_infra.drift.finding import Finding
from auren_infra.host.expected import Expected, Placed


def findings(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    there = facts.files
    for one in wanted.files:
        yield from _compare(one, there.get(one.path))
    for directory, tree in wanted.trees.items():
        for one in tree.files:
            yield from _compare(one, there.get(one.path))
        known = {one.path for one in tree.files}
        added = [path for path in there if PurePosixPath(path).is_relative_to(directory) and path not in known]
        for path in added:
            if path != directory:
                yield Finding(path, "was not deployed", tree.urn, also=tree.also)


def _compare(wanted: Placed, found: Inode | None) -> Iterator[Finding]:
    for what in _differences(wanted, found):
        yield Finding(wanted.path, what, wanted.urn, also=wanted.also)


def _differences(wanted: Placed, found: Inode | None) -> Iterator[str]:
    if found is None:
        yield "is gone"
    elif wanted.digest is not None and found.digest == NO_FILE:
        yield "is no file, but a link or a directory"
    else:
        if wanted.digest is not None and not found.digest.startswith(wanted.digest):
            digests = f": {_short(found.digest)}, not {_short(wanted.digest)} (SHA-256)"
            yield f"has another content than was deployed{'' if wanted.secret else digests}"
        yield from found.differences(wanted.mode, wanted.owner)


def _short(digest: str) -> str:
    return digest[:12]
