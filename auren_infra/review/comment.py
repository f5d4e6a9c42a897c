"""The comment: a preview as Markdown for a pull request. What matters most comes first, and is always there.

The order: what failed, the rules, what is lost or made anew, who may come in, which containers restart, the clouds, and
last the files on the machine. Each section has its bound, and names what it leaves out.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from auren_infra.review import containers, differences, entrance, machine, resources
from auren_infra.review.commands import Change, changes
from auren_infra.review.layout import Block, Code, Item, Items, Paragraph, Section, fit
from auren_infra.review.markdown import clipped, code, html_code, listed, word
from auren_infra.review.preview import Finding, Preview, Step

LONGEST = 65_000
"""As `markdown.size` counts. GitHub refuses more than 65,536, and the action that writes the comment adds a line."""

_MOST = 10_000
"""Of a section, but for the last one."""
_MOST_REASONS = 12
_LONGEST_MESSAGE_LINE = 1_000

_CONSEQUENCES = {
    ("Volume", "replace"): "All data on it is lost.",
    ("Volume", "delete"): "All data on it is lost.",
    ("Droplet", "replace"): "All containers stop until the new machine runs them. What is on the data volume stays.",
    ("Droplet", "delete"): "Nothing serves any more. What is on the data volume stays.",
    ("ReservedIp", "replace"): "The address is another one from then on.",
    ("ReservedIp", "delete"): "The address is given away.",
}
"""By kind and operation, the gravest first."""


def comment(preview: Preview, commit: str = "", longest: int = LONGEST) -> str:
    """The whole comment, of at most `longest`: 4,000 or more, so that each section has room for its title."""
    return fit(list(_sections(preview, commit, longest)), longest)


def _sections(preview: Preview, commit: str, longest: int) -> Iterator[Section]:
    found = changes(preview.steps)
    refused = [finding for finding in preview.findings if finding.mandatory]
    waived = [finding for finding in preview.findings if not finding.mandatory]
    counts = [Paragraph(_counts(preview))] if preview.steps else []
    errors = _messages(preview.errors, with_end=True)
    yield Section(_title(preview, commit), [*errors, *(counts if preview.succeeded else ())], _MOST)
    yield from _unless_empty("### **Refused** by the rules", _findings(refused))
    yield from _unless_empty("### Warnings", _messages(preview.warnings))
    if waived:
        names = listed([html_code(rule) for rule in dict.fromkeys(finding.rule for finding in waived)])
        summary = f"Rules that are waived, and what they found: {names}"
        yield Section("", _findings(waived), _MOST, summary=summary)
    if counts and not preview.succeeded:
        yield Section("", counts, _MOST)
    yield from _unless_empty("### **Replaced and deleted**", _losses(found))
    yield from _unless_empty(_entrance_title(found), list(entrance.differing(found)))
    yield from _containers(preview, found)
    if sources := list(machine.sources(found)):
        yield Section("### The website", [Items(sources)], _MOST)
    yield from _unless_empty("### In the clouds", [resources.differing(step) for step in _other_resources(found)])
    if names := machine.connected_otherwise(found):
        reason = "Run again, since the connection to the machine changes; what is as it should be is left alone"
        yield Section("", [Paragraph(f"{reason}: {listed([word(name) for name in names])}")], _MOST)
    files = machine.files([change for change in found if not entrance.belongs(change)])
    yield from _unless_empty("### On the machine", [*files, *machine.scripts(found)], most=longest)


def _unless_empty(title: str, blocks: Sequence[Block], most: int = _MOST) -> Iterator[Section]:
    if blocks:
        yield Section(title, blocks, most)


def _title(preview: Preview, commit: str) -> str:
    of, stack = f" of {word(commit[:10])}" if commit else "", code(preview.stack)
    if not preview.succeeded:
        return f"## The preview{of} for {stack} failed: merged, this would not be deployed"
    if not preview.steps:
        return f"## A merge{of} changes nothing in {stack}"
    return f"## What a merge{of} does to {stack}"


def _messages(messages: Sequence[str], *, with_end: bool = False) -> list[Block]:
    lines = [clipped(line, _LONGEST_MESSAGE_LINE) for message in messages for line in message.split("\n")]
    return [Code("", lines, with_end=with_end)] if lines else []


def _findings(findings: Sequence[Finding]) -> list[Block]:
    """One block for each rule, whatever number of resources it was broken by."""
    by_rule: dict[str, list[list[str]]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding.message.split("\n"))
    return [
        Code(
            f"**{word(rule)}**",
            [clipped(line, _LONGEST_MESSAGE_LINE) for line in _merged(messages)],
            name=word(rule),
        )
        for rule, messages in by_rule.items()
    ]


def _merged(messages: Sequence[Sequence[str]]) -> Iterator[str]:
    """What all of them begin with, then what each has of its own, then what all of them end with."""
    begin = _common(messages)
    end = _common([message[begin:][::-1] for message in messages])
    yield from messages[0][:begin]
    for message in messages:
        yield from message[begin : len(message) - end]
    yield from messages[0][len(messages[0]) - end :]


def _common(messages: Sequence[Sequence[str]]) -> int:
    """How many lines all of them begin with."""
    alike = itertools.takewhile(lambda lines: len({*lines}) == 1, zip(*messages, strict=False))
    return len([*alike])


def _counts(preview: Preview) -> str:
    counts = Counter(step.op for step in preview.steps)
    words = sorted(f"{count:,} {resources.done(op)}" for op, count in counts.items())
    text = ", ".join(f"**{text}**" if text.endswith(("replaced", "deleted")) else text for text in words)
    return f"{text}." if preview.succeeded else f"As far as it came: {text}."


def _losses(found: Sequence[Change]) -> list[Block]:
    items: list[tuple[int, Item]] = []
    followers: list[Change] = []
    for change in found:
        step = change.step
        if machine.secret_removed(change):
            continue
        # A command is replaced for another machine's id, which says nothing about the command.
        if step.op == "delete" or (step.replaced_for and not change.is_command):
            items.append((_gravity(step), _loss(step)))
        elif step.op == "replace" and not step.tainted and not containers.docker_changes(change):
            followers.append(change)
    for service in containers.removed(found):
        text = f"**Container removed: {word(service)}**. Its data stays on the volume."
        items.append((len(_CONSEQUENCES), Item(text, word(service))))
    lost = [item for _, item in sorted(items, key=lambda item: item[0])]
    if others := [resources.called(change.step) for change in followers if not change.is_command]:
        lost.append(Item(f"**Replaced with it:** {listed(others)}", f"{len(others)} more"))
    if names := [word(change.step.name) for change in followers if change.is_command]:
        text = f"**Replaced: {len(names)} commands**, which run again on the new machine: {listed(names, 20)}"
        lost.append(Item(text, f"{len(names)} commands"))
    return [Items(lost)] if lost else []


def _gravity(step: Step) -> int:
    known = [*_CONSEQUENCES]
    return known.index((step.kind, step.op)) if (step.kind, step.op) in known else len(known)


def _loss(step: Step) -> Item:
    why = "".join(f"; {line}" for line in _why(step))
    consequence = _CONSEQUENCES.get((step.kind, step.op), "")
    text = f"**{resources.done(step.op).capitalize()}: {resources.called(step)}**{why}. {consequence}".rstrip()
    return Item(text, resources.called(step))


def _why(step: Step) -> Iterator[str]:
    for name in step.replaced_for[:_MOST_REASONS]:
        old, new = (code(differences.shown((inputs or {}).get(name, ""))) for inputs in (step.old, step.new))
        yield f"{code(name)} cannot be changed in place: {old} → {new}"


def _entrance_title(found: Sequence[Change]) -> str:
    title = "### Who may come in"
    if ports := entrance.opened(found):
        title += f"\n\n**Opened to everyone:** {listed([code(port, 40) for port in ports], 5)}"
    return title


def _containers(preview: Preview, found: Sequence[Change]) -> Iterator[Section]:
    items = [
        Item(f"**{word(service)}**: {listed(reasons, _MOST_REASONS)}", word(service))
        for service, reasons in containers.started(found)
    ]
    blocks: list[Block] = [Items(items)] if items else []
    if any(resources.resized(step) for step in preview.steps):
        blocks.insert(0, Paragraph("**All containers stop** while the machine is resized.", ["the resize"]))
    if blocks:
        yield Section("### Containers that restart", blocks, _MOST)
    elif preview.succeeded and preview.steps and not _has_another_machine(preview.steps):
        yield Section("", [Paragraph("No container restarts.")], _MOST)
    if reading := [
        Item(f"**{word(service)}**: {listed(reasons, _MOST_REASONS)}", word(service))
        for service, reasons in containers.reloaded(found)
    ]:
        yield Section("### Containers that reload", [Items(reading)], _MOST)


def _has_another_machine(steps: Sequence[Step]) -> bool:
    return any(step.kind == "Droplet" and step.op != "update" for step in steps)


def _other_resources(found: Sequence[Change]) -> Iterator[Step]:
    for change in found:
        lost = change.step.op in ("replace", "delete")
        if not lost and not change.is_command and not entrance.belongs(change):
            yield change.step
