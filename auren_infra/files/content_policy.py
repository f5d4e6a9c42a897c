"""The Content Security Policy of the website's pages: what they may load, and from where."""

from collections.abc import Mapping, Sequence

_OWN = "'self'"
_LOADED = {"img-src": (_OWN, "data:")}
"""What differs from the default, which is the website's own domain."""
_FIXED = "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"


def render(sources: Mapping[str, Sequence[str]]) -> str:
    """The header's value; `sources` are added to what each directive allows anyway."""
    directives = sorted({*_LOADED, *sources})
    loaded = [
        " ".join((directive, *_LOADED.get(directive, (_OWN,)), *sources.get(directive, ()))) for directive in directives
    ]
    return "; ".join([f"default-src {_OWN}", *loaded, _FIXED])
