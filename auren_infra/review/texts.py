"""Two texts as the lines of a diff. The work depends on how much is shown, and hardly on how long the texts are.

`difflib` compares each line with each other one. That takes minutes for a file of half a megabyte, and a website may
have 16 MB. So what is equal is skipped as text. Where the texts differ, they meet again at the nearest line that stands
once in the next lines of both, and `difflib` sees only the few lines before it. The result is right for any two texts.
It need not be the shortest one when a block of more than `_WINDOW_LINES` lines comes or goes.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from auren_infra.review.layout import allot
from auren_infra.review.markdown import LONGEST_LINE, clipped

MOST_LINES = 120
"""Of one difference; a few more when the last part of it has its context."""
NO_NEWLINE = "\\ No newline at end of file"

_CONTEXT = 3
_WINDOW_LINES = 1_000
_WINDOW_CHARACTERS = 1 << 18
_COMPARED_LINES = 100
"""What difflib is given at most, on each side."""
_LINES_ABOVE = 1_000
_CHUNK = 1 << 16


def of_texts(old: str, new: str) -> tuple[str, ...]:
    """A unified diff's lines. Each part is headed by where it is: what it is indented below, no line numbers.

    Lines of the texts begin with a blank, `-` or `+`. One that begins with `!` says what cannot be shown as lines: that
    the line endings change, or that the rest is left out.
    """
    lines = [*_endings(old, new), *_Comparison(old.replace("\r\n", "\n"), new.replace("\r\n", "\n")).lines()]
    if old != new and not lines:
        lines = ["! some lines have other line endings than before"]
    return tuple(lines)


def _endings(old: str, new: str) -> Iterator[str]:
    before, after = _ending(old), _ending(new)
    if before and after and before != after:
        yield f"! line endings: {before} before, {after} now"


def _ending(text: str) -> str:
    """What the lines end with; empty for a text that is one line."""
    of_windows, all_of_them = text.count("\r\n"), text.count("\n")
    if not all_of_them:
        return ""
    return "LF" if not of_windows else "CRLF" if of_windows == all_of_them else "CRLF and LF"


class _Comparison:
    """One walk through both texts, until enough lines are shown."""

    def __init__(self, before: str, after: str) -> None:
        self._before, self._after = before, after
        self._at = self._at_new = 0
        self._shown: list[str] = []

    def lines(self) -> list[str]:
        while True:
            equal = _equal_lines(self._before, self._after, self._at, self._at_new)
            ended = self._at + equal == len(self._before) and self._at_new + equal == len(self._after)
            full = len(self._shown) >= MOST_LINES
            self._skip(equal, to_a_change=not (ended or full))
            if ended:
                return self._shown
            if full or not self._change():
                return [*self._shown, self._rest()]

    def _skip(self, length: int, *, to_a_change: bool) -> None:
        """Pass what is equal. What borders on a change is shown as its context."""
        start, end = self._at_new, self._at_new + length
        self._at, self._at_new = self._at + length, end
        head = _window(self._after, start, end, _CONTEXT) if self._shown else []
        start += sum(map(len, head))
        tail = _last_lines(self._after, start, end) if to_a_change else []
        place: list[str] = []
        if start + sum(map(len, tail)) < end and to_a_change:
            below = self._indented_below()
            place = [clipped(f"@@ {below}".rstrip())] if below or self._shown else []
        self._shown += [*_signed(" ", head), *place, *_signed(" ", tail)]

    def _change(self) -> bool:
        """Show what differs up to where the texts meet again. False when not all of it fits."""
        before = _window(self._before, self._at, len(self._before), _WINDOW_LINES)
        after = _window(self._after, self._at_new, len(self._after), _WINDOW_LINES)
        gone, come = _meeting(before, after)
        before, after = before[:gone], after[:come]
        changed = list(_changed(before, after))
        room = max(_CONTEXT, MOST_LINES - len(self._shown))
        if whole := len(changed) <= room:
            self._shown += changed
        else:
            gone, come = allot([gone, come], room)
            self._shown += [*_signed("-", before[:gone]), *_signed("+", after[:come])]
        self._at += sum(map(len, before[:gone]))
        self._at_new += sum(map(len, after[:come]))
        return whole

    def _rest(self) -> str:
        counts = [_count(text, at) for text, at in ((self._before, self._at), (self._after, self._at_new))]
        return f"! the rest is left out: {counts[0]:,} more lines before, {counts[1]:,} more lines now"

    def _indented_below(self) -> str:
        """The lines above the change which are indented less and less: a service and its key, or nginx's blocks."""
        text, at = (self._after, self._at_new) if self._at_new < len(self._after) else (self._before, self._at)
        place: list[str] = []
        depth = _depth(text[at : at + LONGEST_LINE])
        for _ in range(_LINES_ABOVE):
            if not depth or not at:
                break
            start = text.rfind("\n", 0, at - 1) + 1
            above = text[start : min(at - 1, start + LONGEST_LINE)]
            if above.strip() and _depth(above) < depth:
                place.insert(0, above.strip())
                depth = _depth(above)
            at = start
        return " > ".join(place)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _equal(old: str, new: str, at: int, at_new: int) -> int:
    """How many characters are the same from these places on."""
    length = 0
    while True:
        left, right = (text[start + length : start + length + _CHUNK] for text, start in ((old, at), (new, at_new)))
        if not left or left != right:
            break
        length += len(left)
    shorter = range(min(len(left), len(right)))
    return length + bisect_left(shorter, True, key=lambda last: left[: last + 1] != right[: last + 1])


def _equal_lines(old: str, new: str, at: int, at_new: int) -> int:
    """The same, up to the end of the last line that is equal as a whole."""
    length = _equal(old, new, at, at_new)
    if at + length == len(old) and at_new + length == len(new):
        return length
    return max(0, old.rfind("\n", at, at + length) + 1 - at)


def _window(text: str, start: int, end: int, most: int) -> list[str]:
    """The next lines with their endings: one at least, and not too many."""
    lines: list[str] = []
    at = start
    while at < end and len(lines) < most and at - start < _WINDOW_CHARACTERS:
        stop = text.find("\n", at, end) + 1 or end
        lines.append(text[at:stop])
        at = stop
    return lines


def _last_lines(text: str, start: int, end: int) -> list[str]:
    lines: list[str] = []
    while start < end and len(lines) < _CONTEXT:
        at = max(start, text.rfind("\n", start, end - 1) + 1)
        lines.insert(0, text[at:end])
        end = at
    return lines


def _meeting(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """How many lines of each come before the nearest line that they share, best one that each has once."""
    counts, counts_new = Counter(before), Counter(after)
    places = {line: at for at, line in reversed(list(enumerate(after)))}
    shared = [(at + places[line], at, places[line], line) for at, line in enumerate(before) if line in places]
    once = [each for each in shared if counts[each[3]] == counts_new[each[3]] == 1]
    if not shared:
        return len(before), len(after)
    _, gone, come, _ = min(once or shared)
    return gone, come


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    if max(len(before), len(after)) > _COMPARED_LINES:
        yield from (*_signed("-", before), *_signed("+", after))
        return
    for change, start, end, start_new, end_new in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        gone, come = before[start:end], after[start_new:end_new]
        if change == "equal":
            yield from _signed(" ", gone)
        else:
            yield from (*_signed("-", gone, come), *_signed("+", come, gone))


def _signed(sign: str, lines: Sequence[str], others: Sequence[str] = ()) -> Iterator[str]:
    """Lines of the diff. A long one is shown from where it begins to differ from its counterpart in `others`."""
    for at, line in enumerate(lines):
        text = line.removesuffix("\n")
        start = 0
        if len(text) > LONGEST_LINE and at < len(others):
            start = max(0, min(_equal(text, others[at], 0, 0), len(text)) - LONGEST_LINE // 4)
        yield sign + clipped(text, start=start)
        if sign != " " and not line.endswith("\n"):
            yield NO_NEWLINE


def _count(text: str, at: int) -> int:
    return text.count("\n", at) + (at < len(text) and not text.endswith("\n"))
