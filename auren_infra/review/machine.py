"""What changes on the machine beside its containers: files, rules, packages, and the scripts that see to them."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePosixPath

from auren_infra.call import Call
from auren_infra.files import paths
from auren_infra.host.orders import PutFile, PutImageTree, PutTree, Reload, StartFirst, Switch
from auren_infra.review import differences
from auren_infra.review.commands import Change, release
from auren_infra.review.differences import Difference, File
from auren_infra.review.layout import Block, Item, Items, Paragraph
from auren_infra.review.markdown import code, listed, word
from auren_infra.review.preview import Hidden
from auren_infra.review.texts import of_texts

_FEW_FILES = 12
"""So many files of a directory are each shown; of more, the counts are."""
_EXAMPLES = 5
_LONGEST_IMAGE = 500
"""Of a repository, a tag and a digest, Docker takes 455 characters: what changes stands at the end."""


def files(changes: Sequence[Change]) -> Iterator[Block]:
    """What the commands will be given that they were not given before."""
    for change in changes:
        yield from given(change)


def scripts(changes: Sequence[Change]) -> Iterator[Difference]:
    """Each script that is another one than before, once for all the commands that run it."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    for change in changes:
        old, new = change.old, change.new
        if old and new and old.id in ("", new.id) and old.script and new.script and old.script != new.script:
            found.setdefault(change.order or change.step.name, (old.script, new.script, []))[2].append(change.step.name)
    for name, (before, after, used) in found.items():
        script = code(f"{name}.sh")
        title = f"The script {script}, run again for {listed([word(each) for each in used])}"
        yield Difference(title, partial(of_texts, before, after), f"the script {script}", folded=True)


def given(change: Change) -> Iterator[Block]:
    """What one command will be given that it was not given before."""
    step, old, new = change.step, change.old, change.new
    if secret_removed(change) and old:
        yield _secret(change, old, "(secret), removed")
        return
    if new is None:
        return
    # What is started is said of its release, and where the files come from of the directory.
    if change.order in (Switch.id, Reload.id, StartFirst.id, PutImageTree.id):
        return
    own_name = code(step.name)
    hidden = (step.new or {}).get("stdin")
    if isinstance(hidden, Hidden):
        if hidden is Hidden.LATER and old is None:  # a service that is new is named among the containers
            return
        if old is None or "stdin" in step.changed or not isinstance((step.old or {}).get("stdin"), Hidden):
            added = hidden is Hidden.SECRET and old is None
            yield _secret(change, new, f"{hidden.value}, new" if added else hidden.value)
        return
    before, after = change.data
    if change.released:
        yield from _release(change.released, old, new)
        return
    if change.order == PutTree.id:
        yield from _directory(new.arguments[0] if new.arguments else step.name, differences.of_trees(before, after))
        return
    name = code(new.arguments[0]) if change.order == PutFile.id and new.arguments else own_name
    # A new file or rule speaks for itself. Without data, the call is all that there is to see.
    calls = (
        (_call(change, old), _call(change, new))
        if (not after if old is None else old.arguments != new.arguments)
        else ("", "")
    )
    if before != after or calls[0] != calls[1]:
        yield Difference(name, lambda: (*of_texts(*calls), *of_texts(before, after)), name)


def sources(changes: Sequence[Change]) -> Iterator[Item]:
    """Each directory whose files come from another image than before, from an image at all, or from none any more."""
    for change in changes:
        before, after = _image(change.old), _image(change.new)
        named = change.new if after else change.old
        if change.new is None or named is None or before == after:
            continue
        name = word(PurePosixPath(named.arguments[0]).name)
        if before and after:
            said = f"image {code(before, _LONGEST_IMAGE)} → {code(after, _LONGEST_IMAGE)}"
        elif after:
            said = f"its files come from the image {code(after, _LONGEST_IMAGE)}" + (
                ", not from this repository" if change.old else ""
            )
        else:
            said = f"its files come from this repository, not from the image {code(before, _LONGEST_IMAGE)}"
        yield Item(f"**{name}**: {said}", name)


def _image(command: Call | None) -> str:
    """That the files of a directory come from; empty for all other commands."""
    known = command.arguments if command and command.id == PutImageTree.id else ()
    return known[1] if len(known) > 1 else ""


def secret_removed(change: Change) -> bool:
    """Whether the step takes away a file that is a secret. It is no loss: its value is in the configuration."""
    hidden = (change.step.old or {}).get("stdin") is Hidden.SECRET
    return change.is_command and change.step.op == "delete" and hidden


def _secret(change: Change, command: Call, said: str) -> Difference:
    """By its name only."""
    name = code(_hidden_place(command.arguments) if command.arguments else change.step.urn.rpartition("::")[2])
    return Difference(name, lambda: (f"! {said}",), name)


def _hidden_place(arguments: Sequence[str]) -> str:
    """Where a text that cannot be shown is put: a secret has its directory and its name as arguments."""
    return "/".join(arguments[:2] if arguments[0].startswith(f"{paths.SERVICES}/") else arguments[:1])


def _release(service: str, old: Call | None, new: Call) -> Iterator[Difference]:
    """Each file of a release that comes, goes or changes, the compose file among them."""
    before, after = (_texts(command) for command in (old, new))
    for file in sorted(before.keys() | after.keys()):
        texts = before.get(file, ""), after.get(file, "")
        if texts[0] != texts[1]:
            name = code(f"{service}/{file}")
            yield Difference(name, partial(of_texts, *texts), name)


def _texts(command: Call | None) -> dict[str, str]:
    if found := release(command):
        return {"compose.yml": found.compose, **found.files}
    return {"release": command.data} if command and command.data else {}


def connected_otherwise(changes: Sequence[Change]) -> list[str]:
    """The commands that run again for no other reason than a new way to the machine: a key, a host key, an address."""
    return [
        change.step.name
        for change in changes
        if change.is_command and change.step.op == "update" and change.step.changed == ("connection",)
    ]


def _call(change: Change, command: Call | None) -> str:
    return f"{' '.join([change.order, *command.arguments])}\n" if command else ""


def _directory(directory: str, changed: Sequence[File]) -> Iterator[Block]:
    if len(changed) <= _FEW_FILES:
        yield from (_file(directory, file) for file in changed)
        return
    kept = [file for file in changed if file.old is not None and file.new is not None]
    renamed, gone, come = _renamed(changed)
    counts = [
        ("changed", [code(file.path) for file in kept]),
        ("new", [code(path) for path in come]),
        ("removed", [code(path) for path in gone]),
        ("renamed", [f"{code(old)} → {code(new)}" for old, new in renamed]),
    ]
    yield Paragraph(f"{code(directory)}: {len(changed):,} files change.", [f"the count of {code(directory)}"])
    yield Items(
        [
            Item(f"{len(names):,} {kind}: {listed(names, _EXAMPLES)}", f"{len(names):,} {kind}")
            for kind, names in counts
            if names
        ]
    )
    yield from (_file(directory, file) for file in kept[:_EXAMPLES])


def _file(directory: str, file: File) -> Difference:
    name = code(f"{directory}/{file.path}")
    return Difference(name, file.lines, name)


def _renamed(changed: Sequence[File]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """The files that only have another name, as old and new; then those that are gone, and those that come."""
    gone = {file.path: file.old for file in changed if file.new is None}
    come = {file.path: file.new for file in changed if file.old is None}
    sources: dict[str | None, list[str]] = {}
    for path, content in gone.items():
        sources.setdefault(content, []).append(path)
    renamed = [(sources[content].pop(0), path) for path, content in come.items() if sources.get(content)]
    old_names, new_names = ({pair[side] for pair in renamed} for side in (0, 1))
    return renamed, [path for path in gone if path not in old_names], [path for path in come if path not in new_names]
