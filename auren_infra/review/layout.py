"""Much in little room: each part is shown whole, in part, or by its name, and what matters first is never lost.

A room is counted as `markdown.size` counts. No text here is longer than its room, and none ends in the middle of a
line, a block of code or a folded part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from auren_infra.review.markdown import fenced, listed, size

_LEAST_SECTION = 1_500
"""What every section can rely on: enough for its title, and for the names of what is left out."""
_LEAST_BLOCK = 200
_NAMES_ROOM = 800
_OPEN_LINES = 60
"""A longer block of code is folded."""
_GAP = "\n\n"


class Block(Protocol):
    """A part of a section."""

    @property
    def names(self) -> Sequence[str]:
        """Markdown: what it is called where it is left out. A list has one for each item."""
        ...

    def markdown(self, room: int) -> str:
        """As much as fits, and how much is left out. Empty when nothing fits."""
        ...


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two."""

    text: str
    names: Sequence[str] = ()

    def markdown(self, room: int) -> str:
        return self.text if size(self.text) <= room else ""


@dataclass(frozen=True)
class Item:
    text: str
    """Markdown, on one line."""
    name: str
    """What it is called where it is left out."""


@dataclass(frozen=True)
class Items:
    """A list. What matters most comes first."""

    items: Sequence[Item]

    @property
    def names(self) -> Sequence[str]:
        return [item.name for item in self.items]

    def markdown(self, room: int) -> str:
        lines = [f"- {item.text}" for item in self.items]
        shown = _fitting(lines, room)
        if shown == len(lines):
            return "\n".join(lines)
        note_room = min(_NAMES_ROOM, room // 2)
        shown = _fitting(lines, room - note_room)
        return "\n".join([*lines[:shown], f"- {left_out(self.names[shown:], note_room - 3)}"])


@dataclass(frozen=True)
class Code:
    """Lines as they are, below a title."""

    title: str
    """Markdown, on one line; may be empty."""
    lines: Sequence[str]
    language: str = "text"
    folded: bool = False
    with_end: bool = False
    """Whether the last lines matter as well when it is shown in part, as those of an error do."""
    name: str = ""

    @property
    def names(self) -> Sequence[str]:
        return [self.name or self.title]

    def markdown(self, room: int) -> str:
        whole = self._framed(self.lines)
        if size(whole) <= room:
            return whole
        inner = room - (size(whole) - _length(self.lines)) - size(self._note(len(self.lines))) - 1
        end = _fitting(self.lines[::-1], inner // 3) if self.with_end else 0
        last = self.lines[len(self.lines) - end :]
        start = _fitting(self.lines, inner - _length(last) - 1)
        if not start:
            return ""
        return self._framed([*self.lines[:start], self._note(len(self.lines) - start - end), *last])

    def _note(self, count: int) -> str:
        return f"{'!' if self.language == 'diff' else '…'} {count:,} more lines are left out here"

    def _framed(self, lines: Sequence[str]) -> str:
        body = fenced(lines, self.language)
        if not self.folded and len(self.lines) <= _OPEN_LINES:
            return f"{self.title}\n{body}".lstrip("\n")
        folded = f"<details><summary>{len(self.lines):,} lines</summary>{_GAP}{body}{_GAP}</details>"
        return f"{self.title}{_GAP}{folded}".lstrip("\n")


@dataclass(frozen=True)
class Section:
    """Blocks below a title."""

    title: str
    """Markdown; may be empty. It is always shown, so it is short."""
    blocks: Sequence[Block]
    most: int
    """The longest that it may become."""
    summary: str = ""
    """HTML in place of a title; the section is folded below it."""

    def markdown(self, room: int) -> str:
        head = f"<details><summary>{self.summary}</summary>" if self.summary else self.title
        foot = "</details>" if self.summary else ""
        inner = min(room, self.most) - sum(size(part + _GAP) for part in (head, foot) if part)
        return _GAP.join(part for part in (head, *self._shown(inner), foot) if part)

    def _shown(self, room: int) -> list[str]:
        looked_at = self.blocks[: max(1, room // _LEAST_BLOCK)]
        texts = [block.markdown(room) for block in looked_at]
        if len(looked_at) == len(self.blocks) and all(texts) and size(_GAP.join(texts)) <= room:
            return texts
        note_room = min(_NAMES_ROOM, room // 2)
        shares = allot([size(text + _GAP) for text in texts], room - note_room)
        texts = [block.markdown(share - len(_GAP)) for block, share in zip(looked_at, shares, strict=True)]
        others = [block for block, text in zip(looked_at, texts, strict=True) if not text]
        names = [name for block in (*others, *self.blocks[len(looked_at) :]) for name in block.names]
        return [*filter(None, texts), *([left_out(names, note_room)] if names else [])]


def fit(sections: Sequence[Section], longest: int) -> str:
    """The sections in their order, within this length: each gets what those before it leave, and never nothing.

    The length must be enough for the titles: some hundred for each section.
    """
    least = min(_LEAST_SECTION, longest // (len(sections) + 1))
    texts: list[str] = []
    for at, section in enumerate(sections):
        later = least * (len(sections) - at - 1)
        texts.append(section.markdown(longest - later - 1))
        longest -= size(texts[-1] + _GAP)
    return _GAP.join(filter(None, texts)) + "\n"


def left_out(names: Sequence[str], room: int) -> str:
    """A sentence with how many things are left out, and the first of their names as far as they fit."""
    for most in range(10, 0, -1):
        text = f"{len(names):,} left out: {listed(names, most)}."
        if size(text) <= room:
            return text
    return f"{len(names):,} left out."


def allot(wants: Sequence[int], room: int) -> list[int]:
    """How much of the room each gets: all that it wants if that is little, and the others the same."""
    given = [0] * len(wants)
    for done, at in enumerate(sorted(range(len(wants)), key=lambda at: wants[at])):
        given[at] = min(wants[at], max(0, room) // (len(wants) - done))
        room -= given[at]
    return given


def _length(lines: Sequence[str]) -> int:
    return size("\n".join(lines))


def _fitting(lines: Sequence[str], room: int) -> int:
    """How many of the first lines fit, with the line break behind each."""
    for count, line in enumerate(lines):
        room -= size(line) + 1
        if room < 0:
            return count
    return len(lines)
