"""Files and the stores' directories: an edited, a removed or an added one, and one of another owner or mode."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import PurePosixPath

from auren_infra.drift.facts import NO_FILE, Facts, Inode
from auren_infra.drift.finding import Finding
from auren_infra.host.expected import Expected, Placed, Tree, TreeOfImage


def findings(wanted: Expected, facts: Facts) -> Iterator[Finding]:
    there = facts.files
    for one in wanted.files:
        yield from _compare(one, there.get(one.path))
    for directory, tree in wanted.trees.items():
        yield from _of_tree(directory, tree, there)
    for tree in wanted.trees_of_images:
        yield from _of_image(tree, facts)


def _of_tree(directory: str, tree: Tree, there: Mapping[str, Inode]) -> Iterator[Finding]:
    for one in tree.files:
        yield from _compare(one, there.get(one.path))
    known = {one.path for one in tree.files}
    added = [path for path in there if PurePosixPath(path).is_relative_to(directory) and path not in known]
    for path in added:
        if path != directory:
            yield Finding(path, "was not deployed", tree.urn, also=tree.also)


def _of_image(tree: TreeOfImage, facts: Facts) -> Iterator[Finding]:
    """The files are compared with the manifest that is on the machine, and the manifest with what the state knows."""
    manifest = facts.manifest(tree.directory)
    image = manifest.partition("\n")[0].removeprefix("image ")
    if not manifest or image != tree.image:
        found = f"the files of {image}" if image else "no files of an image"
        yield Finding(tree.current, f"has {found}, not those of {tree.image}", tree.urn)
        return
    if sha256(manifest.encode()).hexdigest() != tree.manifest:
        yield Finding(tree.current, f"has another list of its files than came with {tree.image}", tree.urn)
    yield from _of_tree(tree.current, Tree(tree.urn, tree.files(manifest)), facts.files)


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
