"""What is different between two texts, directories, firewalls or property sets, as lines of a diff."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from auren_infra.review.layout import Code
from auren_infra.review.markdown import clipped, name
from auren_infra.review.preview import Hidden
from auren_infra.review.texts import of_texts
from auren_infra.services.inbound import EVERYWHERE, lets_everyone_in

RULES = ("inboundRules", "outboundRules")
"""The properties of a cloud's firewall that hold its rules."""

_MOST_SOURCES = 40
_SOURCES_A_LINE = 8


@dataclass(frozen=True)
class Difference:
    """What changes in one thing."""

    title: str
    """Markdown."""
    compare: Callable[[], Sequence[str]]
    """The lines; asked for only when there is room for them."""
    name: str
    """Markdown: what it is called where it is left out."""
    folded: bool = False

    @cached_property
    def lines(self) -> Sequence[str]:
        return self.compare()

    @property
    def names(self) -> Sequence[str]:
        return [self.name]

    def markdown(self, room: int) -> str:
        return Code(self.title, self.lines, "diff", folded=self.folded).markdown(room)


@dataclass(frozen=True)
class File:
    """A file that comes, goes or changes."""

    path: str
    old: str | None
    """Base64. None: there is no such file yet."""
    new: str | None

    def lines(self) -> tuple[str, ...]:
        """The difference between its contents."""
        before, after = _bytes(self.old), _bytes(self.new)
        try:
            if b"\0" not in before and b"\0" not in after:
                return of_texts(before.decode(), after.decode()) or ("! an empty file",)
        except UnicodeDecodeError:
            pass
        counts = [f"{len(content):,} B" for content in (before, after)]
        if self.old is None:
            return (f"! a new file of {counts[1]}, which is no text",)
        if self.new is None:
            return (f"! the file of {counts[0]} is removed, which was no text",)
        return (f"! another file, which is no text: {counts[0]} before, {counts[1]} now",)


def of_trees(old: str, new: str) -> list[File]:
    """Each file that comes, goes or changes in a directory, packed as `files/directory.py` does."""
    before, after = _packed(old), _packed(new)
    return [
        File(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _packed(text: str) -> dict[str, str]:
    return {path: content for path, _, content in (line.partition("\t") for line in text.split("\n") if line)}


def _bytes(content: str | None) -> bytes:
    try:
        return base64.b64decode(content or "", validate=True)
    except ValueError:
        return (content or "").encode("utf-8", "surrogatepass")


def of_firewalls(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """The rules of a cloud's firewall: for each port, who loses it, then who gets it."""
    before, after = _rules(old), _rules(new)
    gone = [line for rule, ends in before.items() for line in _told("-", rule, ends, after.get(rule))]
    come = [line for rule, ends in after.items() for line in _told("+", rule, ends, before.get(rule))]
    return (*gone, *come)


def opened_to_everyone(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The inbound rules, such as `tcp 22`, that let everyone in and did not before."""
    before, after = _rules(old), _rules(new)
    return [
        rule.removeprefix("in ").removesuffix(" from")
        for rule, ends in after.items()
        if rule.startswith("in ") and _lets_in(ends, before.get(rule, ()))
    ]


def _lets_in(after: Sequence[str], before: Sequence[str]) -> bool:
    """Also when one IP version follows the other, or the halves of the internet are named."""
    named = {*EVERYWHERE} & {*after} - {*before}
    return bool(named) or (lets_everyone_in(after) and not lets_everyone_in(before))


def _told(sign: str, rule: str, ends: Sequence[str], others: Sequence[str] | None) -> Iterator[str]:
    """The ends that are on this side alone, those that are everyone first, and a rule without any as itself."""
    if others is None and not ends:
        yield clipped(f"{sign} {rule.rpartition(' ')[0]}")
        return
    own = sorted((end for end in ends if end not in {*(others or ())}), key=lambda end: end not in EVERYWHERE)
    for at in range(0, min(len(own), _MOST_SOURCES), _SOURCES_A_LINE):
        yield f"{sign} {name(rule)} {', '.join(name(end) for end in own[at:_MOST_SOURCES][:_SOURCES_A_LINE])}"
    if len(own) > _MOST_SOURCES:
        yield f"{sign} {name(rule)} {len(own) - _MOST_SOURCES:,} more"


def _rules(firewall: Mapping[str, Any]) -> dict[str, list[str]]:
    """Each rule, such as `in tcp 22 from`, with the addresses and the like at its other end."""
    found: dict[str, list[str]] = {}
    sides_of = (("from", "source"), ("to", "destination"))
    for key, direction, sides in zip(RULES, ("in", "out"), sides_of, strict=True):
        rules = firewall.get(key)
        for rule in cast("list[Mapping[str, Any]]", rules) if rules and are_rules(rules) else ():
            words = [direction, shown(rule.get("protocol", "")), shown(rule.get("portRange", "")), sides[0]]
            found.setdefault(" ".join(word for word in words if word), []).extend(
                shown(end)
                for property_name, value in sorted(rule.items())
                if property_name.startswith(sides[1])
                for end in (cast("list[Any]", value) if isinstance(value, list) else [value])
            )
    return found


def are_rules(value: Any) -> bool:
    """Whether a property is a list of rules, or not there. One that is hidden is none."""
    return value is None or (
        isinstance(value, list) and all(isinstance(each, Mapping) for each in cast("list[Any]", value))
    )


def of_properties(old: Mapping[str, Any], new: Mapping[str, Any], changed: Sequence[str] = ()) -> tuple[str, ...]:
    """Each changed property, as it is and as it will be; `changed` are those that are known to be."""
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        label = name(key)
        if old.get(key) == new.get(key):
            if key in changed and isinstance(new.get(key), Hidden):
                lines.append(f"! {label}: {shown(new.get(key))}, and another one than before")
            continue
        texts = [text for text in (old.get(key), new.get(key)) if isinstance(text, str)]
        if len(texts) == 2 and "\n" in "".join(texts):
            lines += [f"  {label}:", *of_texts(*texts)]
            continue
        if key in old:
            lines.append(f"- {label}: {clipped(shown(old[key]))}")
        if key in new:
            lines.append(f"+ {label}: {clipped(shown(new[key]))}")
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
