"""The comment: a preview as Markdown for a pull request. What is lost or made anew comes first, and in bold."""

from collections import Counter
from collections.abc import Iterator, Sequence

from auren_infra.review import containers, differences, machine
from auren_infra.review.differences import RULES, Difference, fenced
from auren_infra.review.preview import Finding, Preview, Step

LONGEST = 65_000
"""Characters; GitHub refuses a comment of more than 65,536."""

_DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "import": "adopted"}
_CONSEQUENCES = {
    ("Droplet", "replace"): "All containers stop until the new machine runs them. What is on the data volume stays.",
    ("Droplet", "delete"): "Nothing serves any more. What is on the data volume stays.",
    ("Volume", "replace"): "All data on it is lost.",
    ("Volume", "delete"): "All data on it is lost.",
    ("ReservedIp", "replace"): "The address is another one from then on.",
    ("ReservedIp", "delete"): "The address is given away.",
}


Block = str | Difference


def comment(preview: Preview, commit: str = "", longest: int = LONGEST) -> str:
    """The whole comment. What would make it longer than `longest` is left out, the longest differences first."""
    blocks = list(_blocks(preview, commit))
    while len(text := _text(blocks)) > longest:
        sizes = {at: len(block.markdown()) for at, block in enumerate(blocks) if isinstance(block, Difference)}
        if not sizes:
            return text[:longest]
        at = max(sizes, key=sizes.__getitem__)
        left_out = blocks[at]
        assert isinstance(left_out, Difference)
        blocks[at] = f"{left_out.title}: {len(left_out.lines)} lines, too many to show here."
    return text


def _text(blocks: Sequence[Block]) -> str:
    return "\n\n".join(block if isinstance(block, str) else block.markdown() for block in blocks) + "\n"


def _blocks(preview: Preview, commit: str) -> Iterator[Block]:
    of = f" of {commit[:10]}" if commit else ""
    if not preview.succeeded:
        yield f"## The preview{of} for `{preview.stack}` failed: merged, this would not be deployed"
    elif not preview.steps:
        yield f"## A merge{of} changes nothing in `{preview.stack}`"
    else:
        yield f"## What a merge{of} does to `{preview.stack}`"
    if preview.errors:
        yield fenced("\n".join(preview.errors))
    refused = [finding for finding in preview.findings if finding.mandatory]
    yield from _rules("### **Refused** by the rules", refused)
    if preview.steps:
        yield _counts(preview.steps) if preview.succeeded else f"As far as it came: {_counts(preview.steps)}"
    yield from _losses(preview.steps)
    yield from _containers(preview.steps)
    yield from _section("### On the machine", list(machine.changes(preview.steps)))
    yield from _again(preview.steps)
    yield from _section("### In the clouds", list(_cloud(preview.steps)))
    if preview.warnings:
        yield "### Warnings"
        yield fenced("\n".join(preview.warnings))
    waived = [finding for finding in preview.findings if not finding.mandatory]
    if waived:
        yield "<details><summary>Rules that are waived, and what they found</summary>"
        yield from _rules("", waived)
        yield "</details>"


def _counts(steps: Sequence[Step]) -> str:
    words = [f"{count} {_DONE.get(op, op)}" for op, count in Counter(step.op for step in steps).items()]
    return ", ".join(f"**{word}**" if word.endswith(("replaced", "deleted")) else word for word in sorted(words)) + "."


def _losses(steps: Sequence[Step]) -> Iterator[str]:
    lines: list[str] = []
    followers: list[Step] = []
    for step in steps:
        # A command is replaced for another machine's id, which says nothing about the command.
        if step.op == "delete" or (step.replaced_for and not machine.is_command(step)):
            why = "".join(f"; {line}" for line in _why(step))
            consequence = _CONSEQUENCES.get((step.kind, step.op), "")
            lines.append(f"- **{_DONE[step.op].capitalize()}: {step.kind} `{step.name}`**{why}. {consequence}".rstrip())
        elif step.op == "replace" and not containers.docker_changes(step):
            followers.append(step)
    on_machine = [step.name for step in followers if machine.is_command(step)]
    others = [f"{step.kind} `{step.name}`" for step in followers if not machine.is_command(step)]
    if others:
        lines.append(f"- **Replaced with it:** {', '.join(others)}")
    if on_machine:
        lines.append(
            f"- **Replaced: {len(on_machine)} commands**, which run again on the new machine: {', '.join(on_machine)}"
        )
    lines += [
        f"- **Container removed: {service}**. Its data stays on the volume." for service in containers.removed(steps)
    ]
    if lines:
        yield "### **Replaced and deleted**"
        yield "\n".join(lines)


def _why(step: Step) -> Iterator[str]:
    for name in step.replaced_for:
        old, new = (differences.shown((inputs or {}).get(name, "")) for inputs in (step.old, step.new))
        yield f"`{name}` cannot be changed in place: `{old}` → `{new}`"


def _containers(steps: Sequence[Step]) -> Iterator[str]:
    rows = [f"| {service} | {', '.join(reasons)} |" for service, reasons in containers.started(steps)]
    if rows:
        yield "### Containers that restart"
        yield "\n".join(["| container | because of |", "|---|---|", *rows])
    elif steps and not any(step.kind == "Droplet" and step.op != "update" for step in steps):
        yield "No container restarts."


def _again(steps: Sequence[Step]) -> Iterator[str]:
    if names := machine.connected_otherwise(steps):
        reason = "Run again, since the connection to the machine changes; what is as it should be is left alone"
        yield f"{reason}: {', '.join(names)}"


def _cloud(steps: Sequence[Step]) -> Iterator[Difference]:
    for step in steps:
        if machine.is_command(step) or step.op in ("replace", "delete"):
            continue
        old, new = step.old or {}, step.new or {}
        lines: tuple[str, ...] = ()
        if step.kind == "Firewall":
            lines = differences.of_firewalls(old, new)
            old, new = ({key: value for key, value in one.items() if key not in RULES} for one in (old, new))
        lines += differences.of_properties(old, new, step.changed)
        resize = " The machine is shut down, resized and started again." if _resized(step) else ""
        yield Difference(f"{step.kind} `{step.name}`, {_DONE.get(step.op, step.op)}.{resize}", lines)


def _resized(step: Step) -> bool:
    return step.kind == "Droplet" and step.op == "update" and "size" in step.changed


def _section(title: str, blocks: Sequence[Block]) -> Iterator[Block]:
    if blocks:
        yield title
        yield from blocks


def _rules(title: str, findings: Sequence[Finding]) -> Iterator[str]:
    if findings and title:
        yield title
    for finding in findings:
        yield f"**{finding.rule}**\n{fenced(finding.message)}"
