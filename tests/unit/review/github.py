"""What GitHub makes of a comment, as its own Markdown parser (cmark-gfm) sees it."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options

LONGEST = 65_536
OWN_TAGS = {"h2", "h3", "p", "ul", "li", "strong", "code", "pre", "details", "summary"}
"""All that our own marks become."""
_WITHOUT_END = {"br", "hr", "img", "input"}


def length(text: str) -> int:
    """UTF-16 code units: no fewer than code points, and at most three bytes each."""
    return len(text.encode("utf-16-le")) // 2


@dataclass
class Page(HTMLParser):
    """A comment as a browser has it."""

    tags: Counter[str] = field(default_factory=Counter)
    unclosed: list[str] = field(default_factory=list)
    text: str = ""
    """What is read as text, where GitHub looks for @names and the like."""
    code: list[str] = field(default_factory=list)
    """What stands in code, which is shown as it is."""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags[tag] += 1
        if tag not in _WITHOUT_END:
            self.unclosed.append(tag)
        if tag == "code":
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed, f"</{tag}> ends nothing"
        assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if "code" in self.unclosed:
            self.code[-1] += data
        else:
            self.text += data


def page(comment: str) -> Page:
    """Fails when an element is not closed, or in another order than it was opened."""
    shown = Page()
    # GitHub removes what is dangerous afterwards; here it is to be seen.
    shown.feed(cmarkgfm.github_flavored_markdown_to_html(comment, options=Options.CMARK_OPT_UNSAFE))
    shown.close()
    assert shown.unclosed == []
    return shown


def assert_sound(comment: str, longest: int = LONGEST) -> Page:
    """It fits, it ends properly, and nothing in it is Markdown or HTML but our own marks."""
    assert length(comment) <= longest
    assert comment.endswith("\n")
    shown = page(comment)
    assert set(shown.tags) <= OWN_TAGS
    assert "@" not in shown.text
    return shown
