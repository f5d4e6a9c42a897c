"""What is different between two texts, directories, firewalls or property sets, as lines of a diff."""

import base64
import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from auren_infra.review.preview import Hidden

RULES = ("inboundRules", "outboundRules")
"""The properties of a cloud's firewall that hold its rules."""

_OPEN_LINES = 60
"""A longer difference is folded."""


@dataclass(frozen=True)
class Difference:
    """What changes in one thing."""

    title: str
    """Markdown."""
    lines: tuple[str, ...]
    folded: bool = False

    def markdown(self) -> str:
        body = fenced("\n".join(self.lines), "diff")
        if self.folded or len(self.lines) > _OPEN_LINES:
            summary = re.sub("`([^`]*)`", r"<code>\1</code>", self.title)
            return f"<details><summary>{summary} ({len(self.lines)} lines)</summary>\n\n{body}\n\n</details>"
        return f"{self.title}\n{body}"


def fenced(text: str, language: str = "text") -> str:
    """The text as a block of code that nothing in it can end."""
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in re.findall("`{3,}", text))])
    return f"{fence}{language}\n{text}\n{fence}"


def of_texts(old: str, new: str) -> tuple[str, ...]:
    """A unified diff's lines. Each part is headed by where it is: what it is indented below, no line numbers."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[str] = []
    for part in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_grouped_opcodes(3):
        at, at_new = next((change[1], change[3]) for change in part if change[0] != "equal")
        place = _indented_below(after, at_new) if at_new < len(after) else _indented_below(before, at)
        if lines or place:
            lines.append(f"@@ {' > '.join(place)}".rstrip())
        for change, start, end, start_new, end_new in part:
            if change == "equal":
                lines += [f" {line}" for line in before[start:end]]
            else:
                lines += [f"-{line}" for line in before[start:end]]
                lines += [f"+{line}" for line in after[start_new:end_new]]
    return tuple(lines)


def _indented_below(lines: Sequence[str], at: int) -> list[str]:
    """The lines above that one which are indented less and less: a service and its key, or nginx's blocks."""
    place: list[str] = []
    depth = _depth(lines[at])
    for line in reversed(lines[:at]):
        if line.strip() and _depth(line) < depth:
            place.insert(0, line.strip())
            depth = _depth(line)
    return place


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def of_trees(old: str, new: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each file that comes, goes or changes in a directory, packed as `files/directory.py` does, with its diff."""
    before, after = _packed(old), _packed(new)
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path):
            continue
        texts = (_text(before.get(path, "")), _text(after.get(path, "")))
        yield path, ("! another file, which is no text",) if None in texts else of_texts(texts[0] or "", texts[1] or "")


def _packed(text: str) -> dict[str, str]:
    return {path: content for path, _, content in (line.partition("\t") for line in text.splitlines())}


def _text(content: str) -> str | None:
    try:
        return base64.b64decode(content).decode()
    except UnicodeDecodeError:
        return None


def of_firewalls(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The rules of a cloud's firewall: those that go, then those that come."""
    before, after = _rules(old), _rules(new)
    gone, come = (rule for rule in before if rule not in after), (rule for rule in after if rule not in before)
    return (*(f"- {rule}" for rule in gone), *(f"+ {rule}" for rule in come))


def _rules(firewall: Mapping[str, Any]) -> list[str]:
    """Each rule as one line: `in tcp 22 from 0.0.0.0/0, ::/0`."""
    lines: list[str] = []
    sides_of = (("from", "source"), ("to", "destination"))
    for key, direction, sides in zip(RULES, ("in", "out"), sides_of, strict=True):
        for rule in cast("Sequence[Mapping[str, Any]]", firewall.get(key) or ()):
            where = [
                shown(one)
                for name, value in sorted(rule.items())
                if name.startswith(sides[1])
                for one in (cast("list[Any]", value) if isinstance(value, list) else [value])
            ]
            words = [direction, str(rule["protocol"]), str(rule.get("portRange", "")), sides[0], ", ".join(where)]
            lines.append(" ".join(word for word in words if word))
    return lines


def of_properties(old: Mapping[str, Any], new: Mapping[str, Any], changed: Sequence[str] = ()) -> tuple[str, ...]:
    """Each changed property, as it is and as it will be; `changed` are those that are known to be."""
    lines: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) == new.get(name):
            if name in changed and isinstance(new.get(name), Hidden):
                lines.append(f"! {name}: {shown(new.get(name))}, and another one than before")
            continue
        texts = [text for text in (old.get(name), new.get(name)) if isinstance(text, str)]
        if len(texts) == 2 and "\n" in "".join(texts):
            lines += [f"  {name}:", *of_texts(*texts)]
            continue
        if name in old:
            lines.append(f"- {name}: {shown(old[name])}")
        if name in new:
            lines.append(f"+ {name}: {shown(new[name])}")
    return tuple(lines)


def shown(value: Any) -> str:
    """A value in a word; what is hidden somewhere within shows that it is."""
    match value:
        case Hidden():
            return value.value
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False, default=shown)
