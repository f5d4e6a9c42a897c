"""Names and contents as Markdown: GitHub shows them as they are, and nothing in them can end the place they are in."""

import re
from collections.abc import Sequence
from html import escape

LONGEST_NAME = 120
LONGEST_LINE = 300
_LONGEST_FENCE = 200
"""GitHub's parser counts no more than 255."""


def size(text: str) -> int:
    """The length in UTF-16 code units.

    GitHub says "maximum is 65536 characters". People measured 65,536 code points in one place and 262,144 bytes in
    another. A text of 65,536 UTF-16 code units or fewer is within both: no unit has more than three bytes.
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(text: str) -> str:
    """The text on one line. A character that cannot be seen, or that turns others around, is its escape sequence."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character == "\t"
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


def clipped(text: str, longest: int = LONGEST_LINE, start: int = 0) -> str:
    """One visible line of the text, from `start` on, that says how many characters are left out."""
    rest = max(0, len(text) - start - longest)
    shown = visible(text[start : start + longest])
    return ("…" if start else "") + shown + (f"… ({rest:,} more characters)" if rest else "")


def name(text: str, longest: int = LONGEST_NAME) -> str:
    """A name on one line. A long one loses its middle: paths differ at their ends."""
    if len(text) > longest:
        text = f"{text[: longest // 2]}…{text[-longest // 2 :]}"
    return visible(text).replace("\t", "\\t")


def code(text: str, longest: int = LONGEST_NAME) -> str:
    """A name as inline code, in which GitHub reads no mark, no HTML, no link and no @name."""
    shown = name(text, longest)
    if not shown.strip():
        return "(nothing)" if not shown else "(blanks)"
    fence = "`" * (1 + max((len(ticks) for ticks in re.findall("`+", shown)), default=0))
    edge = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def word(text: str) -> str:
    """A name in a sentence: as it is when GitHub makes nothing else of it, else as code."""
    plain = re.fullmatch("[A-Za-z0-9]+([._-][A-Za-z0-9]+)*", text) and "www." not in text
    return text if plain and len(text) <= LONGEST_NAME else code(text)


def html_code(text: str) -> str:
    """A name as code where GitHub reads HTML and no Markdown, as in the summary of a folded part."""
    return f"<code>{escape(name(text))}</code>"


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names that are Markdown already, in one sentence; how many more there are than `most`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def fenced(lines: Sequence[str], language: str = "text") -> str:
    """The lines as a block of code that nothing in them can end."""
    longest = max((len(ticks) for line in lines for ticks in re.findall("`{3,}", line)), default=2)
    if longest >= _LONGEST_FENCE:
        lines, longest = [f"    {line}" for line in lines], 2  # what is indented by four closes nothing
    fence = "`" * (longest + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])
