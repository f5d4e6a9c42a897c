"""Other domains that the website's pages may load from: entries of a Content Security Policy, each `DIRECTIVE=SOURCE`.

Left out on purpose: sources that would disable the policy's protection (`*`, `https:`, plain HTTP, `'unsafe-eval'`,
every inline script), and the directives that do not load anything.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator

from auren_infra.settings.faults import wrong
from auren_infra.settings.vocabulary import list_of_texts

_HOST = r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<scheme>https|wss)://(?=.{{1,255}}(?:[:/]|$)){_HOST}(?::(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?P<path>/(?:[A-Za-z0-9._~!&()*+=:@/-]|%[0-9A-Fa-f]{2})*)?"
)
"""Without characters that end a source, a directive or a string of nginx: space, quote, comma, semicolon, dollar."""
_HASH = re.compile(r"'(?:sha256-[A-Za-z0-9+/]{43}=|sha384-[A-Za-z0-9+/]{64}|sha512-[A-Za-z0-9+/]{86}==)'")


@dataclass(frozen=True)
class Directive:
    """Sources that a directive may have in addition to addresses with `https:`."""

    words: tuple[str, ...] = ()
    sockets: bool = False
    """Addresses with `wss:`."""
    hashes: bool = False
    """Digests of inline scripts or styles."""


DIRECTIVES = {
    "connect-src": Directive(("blob:",), sockets=True),
    "font-src": Directive(("data:",)),
    "frame-src": Directive(("blob:",)),
    "img-src": Directive(("blob:",)),  # the policy allows `data:` already
    "manifest-src": Directive(),
    "media-src": Directive(("data:", "blob:")),
    "script-src": Directive(("'wasm-unsafe-eval'",), hashes=True),
    "style-src": Directive(("'unsafe-inline'",), hashes=True),
    "worker-src": Directive(("blob:",)),
}

LONGEST = 2000
"""Characters of all sources together. nginx accepts 4096 in one string, which also holds the rest of the policy."""

_EXAMPLE = "font-src=https://fonts.gstatic.com"


def _content_sources(value: object) -> dict[str, tuple[str, ...]]:
    """Directive -> its sources, in the order in which they are named."""
    entries = list_of_texts(value)
    chosen: dict[str, tuple[str, ...]] = {}
    faults: list[str] = []
    for entry in entries:
        directive, sign, source = entry.partition("=")
        if not sign:
            faults.append(f"{entry!r} is not DIRECTIVE=SOURCE; write it like {_EXAMPLE}")
        elif directive not in DIRECTIVES:
            faults.append(f"no source can be added to {directive!r}; choose one of {', '.join(DIRECTIVES)}")
        elif fault := _source_fault(DIRECTIVES[directive], source):
            faults.append(f"{directive}: {fault}")
        elif source in chosen.get(directive, ()):
            faults.append(f"{entry} is named twice; keep one")
        else:
            chosen[directive] = (*chosen.get(directive, ()), source)
    length = sum(len(entry) for entry in entries)
    if length > LONGEST:
        faults.append(f"they have {length:,} characters together, and {LONGEST:,} is the most; name fewer")
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return chosen


def _source_fault(directive: Directive, source: str) -> str:
    """Why the directive may not have this source; empty when it may."""
    if source in directive.words or (directive.hashes and _HASH.fullmatch(source)):
        return ""
    match = _ADDRESS.fullmatch(source)
    if match and int(match["port"] or 443) <= 65535 and (match["scheme"] == "https" or directive.sockets):
        return ""
    right = ["https://HOST, with a port or a path if needed"]
    right += ["wss://HOST"] * directive.sockets + ["a hash such as 'sha256-…'"] * directive.hashes
    return f"{source!r} is no source for it; write {', or '.join([*right, *directive.words])}"


ContentSources = Annotated[dict[str, tuple[str, ...]], BeforeValidator(_content_sources)]
