"""What changes on the machine beside its containers: files, rules, packages, and the scripts that see to them."""

from collections.abc import Iterator, Sequence

from auren_infra.host import sent
from auren_infra.review import differences
from auren_infra.review.containers import commands
from auren_infra.review.differences import Difference
from auren_infra.review.preview import Hidden, Step


def is_command(step: Step) -> bool:
    return step.type == sent.TYPE


def changes(steps: Sequence[Step]) -> Iterator[Difference]:
    """What the commands will be given that they were not given before; last, each script that is another one."""
    scripts: dict[str, tuple[str, str, list[str]]] = {}
    for step in steps:
        old, new = commands(step)
        if new is None:
            continue
        yield from _given(step, old, new)
        if old and old.script and new.script and old.script != new.script:
            scripts.setdefault(new.name, (old.script, new.script, []))[2].append(step.name)
    for name, (before, after, used) in scripts.items():
        title = f"The script `{name}.sh`, run again for {', '.join(used)}"
        yield Difference(title, differences.of_texts(before, after), folded=True)


def _given(step: Step, old: sent.Command | None, new: sent.Command) -> Iterator[Difference]:
    hidden = (step.new or {}).get("stdin")
    if isinstance(hidden, Hidden):
        if old is None or "stdin" in step.changed or not isinstance((step.old or {}).get("stdin"), Hidden):
            yield Difference(f"`{' '.join(new.arguments[:1]) or step.name}`", (f"! {hidden.value}",))
        return
    before, after = (old and old.data) or "", new.data or ""
    match new.name:
        case "container":  # its part of the compose file stands there
            return
        case "put_tree":
            for path, lines in differences.of_trees(before, after):
                yield Difference(f"`{new.arguments[0]}/{path}`", lines)
            return
        case "put_file":
            title, lines = f"`{new.arguments[0]}`", differences.of_texts(before, after)
        case _:
            title, lines = f"`{step.name}`", differences.of_texts(before, after)
    calls = (" ".join([each.name, *each.arguments]) if each else "" for each in (old, new))
    lines = (*(differences.of_texts(*calls) if old and old.arguments != new.arguments else ()), *lines)
    if lines:
        yield Difference(title, lines)


def connected_otherwise(steps: Sequence[Step]) -> list[str]:
    """The commands that run again for no other reason than a new way to the machine: a key, a host key, an address."""
    return [step.name for step in steps if is_command(step) and step.op == "update" and step.changed == ("connection",)]
