"""The difference between two texts: right for any two, and no more work for long ones."""

import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auren_infra.review import texts
from auren_infra.review.markdown import LONGEST_LINE
from auren_infra.review.texts import MOST_LINES, NO_NEWLINE, of_texts

few_lines = st.lists(st.sampled_from("abcdef"), max_size=60).map(lambda lines: "".join(f"{line}\n" for line in lines))


def _is_subsequence(lines: Sequence[str], of: Sequence[str]) -> bool:
    rest = iter(of)
    return all(line in rest for line in lines)


@given(few_lines, few_lines)
def test_the_lines_lead_from_one_text_to_the_other(old: str, new: str) -> None:
    lines = of_texts(old, new)
    before, after = old.splitlines(), new.splitlines()
    gone, come, kept = ([line[1:] for line in lines if line[0] == sign] for sign in "-+ ")
    assert Counter(before) - Counter(gone) + Counter(come) == Counter(after)
    assert Counter(gone) <= Counter(before)
    assert _is_subsequence([line[1:] for line in lines if line[0] in "- "], before)
    assert _is_subsequence([line[1:] for line in lines if line[0] in "+ "], after)
    assert (old == new) == (not gone and not come)
    assert not kept or gone or come


def test_a_change_is_shown_with_three_lines_around_it_and_what_it_is_below() -> None:
    old = "server:\n" + "".join(f"  line {number}\n" for number in range(30))
    new = old.replace("line 10\n", "line ten\n").replace("  line 20\n", "")
    assert of_texts(old, new) == (
        "@@ server:",
        *("   line 7", "   line 8", "   line 9", "-  line 10", "+  line ten", "   line 11", "   line 12", "   line 13"),
        "@@ server:",
        *("   line 17", "   line 18", "   line 19", "-  line 20", "   line 21", "   line 22", "   line 23"),
    )


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("a", "a\n", ("-a", NO_NEWLINE, "+a")),
        ("a\nb", "a\nc", (" a", "-b", NO_NEWLINE, "+c", NO_NEWLINE)),
        ("a\n", "a\nb", (" a", "+b", NO_NEWLINE)),
        ("a\r\nb\r\n", "a\nb\n", ("! line endings: CRLF before, LF now",)),
        ("a\nb\n", "a\r\nc\r\n", ("! line endings: LF before, CRLF now", " a", "-b", "+c")),
        ("a\r\nb\n", "a\nb\n", ("! line endings: CRLF and LF before, LF now",)),
        ("a\r\nb\n", "a\nb\r\n", ("! some lines have other line endings than before",)),
        ("a\r\nb\r\n", "a\r\nc\r\n", (" a", "-b", "+c")),
        ("a\rb\n", "a\n", ("-a\\rb", "+a")),
        ("a\u2028b\x0b\n", "a\n", ("-a\\u2028b\\x0b", "+a")),
        ("\ufeffa\n", "a\n", ("-\\ufeffa", "+a")),
        ("", "", ()),
    ],
)
def test_endings_and_what_cannot_be_seen_are_shown(old: str, new: str, lines: tuple[str, ...]) -> None:
    assert of_texts(old, new) == lines


def test_of_a_very_long_line_the_place_is_shown_that_differs() -> None:
    old = "x" * 100_000 + "before" + "y" * 100_000
    gone, _, come, _ = of_texts(old, old.replace("before", "after"))
    assert "xbeforey" in gone
    assert "xaftery" in come
    assert gone.endswith("y… (99,781 more characters)")
    assert max(len(gone), len(come)) < LONGEST_LINE + 50


def test_what_is_left_out_is_counted() -> None:
    *lines, rest = of_texts("".join(f"{n}\n" for n in range(900)), "".join(f"{n}!\n" for n in range(800)))
    assert len(lines) == MOST_LINES
    assert rest == "! the rest is left out: 840 more lines before, 740 more lines now"


def _json(entries: int) -> tuple[str, str]:
    """A file of JSON, and the same with a tenth of its values changed."""
    chance = random.Random(1)
    rows = [{"id": number, "value": chance.random()} for number in range(entries)]
    old = json.dumps(rows, indent=1)
    for row in rows[::10]:
        row["value"] = chance.random()
    return old, json.dumps(rows, indent=1)


def _lines(size: int, old: str, new: str) -> tuple[str, str]:
    return old * size, new * size


@pytest.mark.parametrize(
    "pair",
    [
        _json,
        lambda size: _lines(size, "a\n", "b\n"),
        lambda size: _lines(size, "a\nb\n", "b\na\nc\n"),
        lambda size: _lines(size, f"{'x' * 2_000}\n", f"{'y' * 2_000}\n"),
        lambda size: ("a\n" * size, "a\n" * (size // 2)),
        lambda size: ("", "a\n" * size),
        lambda size: ("".join(f"{n % 7}\n" for n in range(size)), "".join(f"{n % 5}\n" for n in range(size))),
    ],
)
def test_ten_times_as_long_a_text_is_no_more_work(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    work: Counter[str] = Counter()

    class Counting(SequenceMatcher):
        def __init__(self, **given: Any) -> None:
            work["pairs of lines"] += len(given["a"]) * len(given["b"])
            super().__init__(**given)

    taken = texts._window

    def window(*given: Any) -> list[str]:
        lines = taken(*given)
        work["lines"] += len(lines)
        return lines

    monkeypatch.setattr(texts, "SequenceMatcher", Counting)
    monkeypatch.setattr(texts, "_window", window)
    found: list[Counter[str]] = []
    for size in (3_000, 30_000):
        work.clear()
        lines = of_texts(*pair(size))
        assert MOST_LINES <= len(lines) <= MOST_LINES + 10 or "a\n" * size in pair(size)
        found.append(work.copy())
    assert found[0] == found[1]
    assert found[0]["pairs of lines"] <= MOST_LINES * texts._COMPARED_LINES**2
    assert found[0]["lines"] <= 2 * MOST_LINES * texts._WINDOW_LINES


@pytest.mark.parametrize("line", ["x" * 1_000, "x" * 16_000_000, "x"])
def test_two_large_texts_are_compared_where_they_are(line: str) -> None:
    """Lines of a kilobyte, one line, and eight million lines: nothing is copied as a whole."""
    old = f"{line}\n" * (16_000_000 // (len(line) + 1))
    new = f"{old[:8_000_000]}!{old[8_000_000:]}"
    tracemalloc.start()
    try:
        lines = of_texts(old, new)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert any(each[0] == "+" and "!" in each for each in lines)
    assert peak < (2_000_000 if len(line) < 1_000_000 else 40_000_000)
