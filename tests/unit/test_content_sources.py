"""What an operator may let the website's pages load, and what is refused."""

import json

import pytest

from auren_infra.settings import SettingsError
from tests.unit.configuration import settings

WRONG = [
    ('["fonts.gstatic.com"]', "is not DIRECTIVE=SOURCE; write it like font-src=https://fonts.gsta"),
    ('["fonts-src=https://fonts.gstatic.com"]', "choose one of connect-src, font-src, frame-src"),
    ('["default-src=https://a.org"]', "no source can be added to 'default-src'"),
    ('["frame-ancestors=https://a.org"]', "no source can be added to 'frame-ancestors'"),
    ('["object-src=https://a.org"]', "no source can be added to 'object-src'"),
    ('["Font-Src=https://a.org"]', "no source can be added to 'Font-Src'"),
    (
        '["font-src=fonts.gstatic.com"]',
        "is no source for it; write https://HOST, with a port or a path",
    ),
    ('["font-src=http://fonts.gstatic.com"]', "font-src: 'http://fonts.gstatic.com' is no source"),
    ('["font-src=https://Fonts.gstatic.com"]', "is no source for it"),
    ('["font-src=https://a.org:70000"]', "is no source for it"),
    ('["font-src=https://a.org https://b.org"]', "is no source for it"),
    ('["font-src=https://a.org; script-src *"]', "is no source for it"),
    ('["font-src=https://a.org/;x"]', "is no source for it"),
    ('["font-src=https://a.org/,x"]', "is no source for it"),
    ("""["font-src=https://a.org/\\";}x"]""", "is no source for it"),
    ('["font-src=https://a.org/$host"]', "is no source for it"),
    ('["font-src=https://a.org\\n"]', "is no source for it"),
    ('["font-src=https://a.org/?q"]', "is no source for it"),
    ('["font-src=https://u:p@a.org"]', "is no source for it"),
    ('["font-src=https://localhost"]', "is no source for it"),
    ('["font-src=https://*"]', "is no source for it"),
    ('["font-src=https://*.org"]', "is no source for it"),
    ('["font-src=*"]', "is no source for it"),
    ('["font-src="]', "is no source for it"),
    ('["img-src=https:"]', "is no source for it"),
    ("""["script-src='unsafe-inline'"]""", "or a hash such as 'sha256-…', or 'wasm-unsafe-eval'"),
    ("""["script-src='unsafe-eval'"]""", "is no source for it"),
    ("""["script-src='nonce-abc'"]""", "is no source for it"),
    ("""["script-src='sha256-abc='"]""", "is no source for it"),
    ('["script-src=data:"]', "is no source for it"),
    ('["script-src=wss://a.org"]', "is no source for it"),
    (
        '["connect-src=wss:"]',
        "https://HOST, with a port or a path if needed, or wss://HOST, or blob:",
    ),
    ('["font-src=https://a.org", "font-src=https://a.org"]', "is named twice; keep one"),
    (json.dumps([f"img-src=https://{n}.example.org" for n in range(100)]), "and 2,000 is the most"),
    ("font-src=https://a.org", "must be a list; write one entry a line"),
]


def _refusal(value: str) -> str:
    with pytest.raises(SettingsError) as refusal:
        settings(contentSources=value)
    return str(refusal.value)


@pytest.mark.parametrize(("value", "reason"), WRONG, ids=lambda text: text[:60])
def test_a_wrong_source_is_refused_with_what_is_right(value: str, reason: str) -> None:
    said = _refusal(value)
    assert said.startswith("The configuration has 1 fault; nothing was touched.\n  auren:contentSources: ")
    assert reason in said


def test_all_wrong_sources_are_told_at_once() -> None:
    said = _refusal('["font-src=*", "fonts-src=https://a.org", "img-src=https://a.org"]')
    assert said.startswith("The configuration has 1 fault; nothing was touched.\n")
    assert "font-src: '*' is no source for it" in said
    assert "no source can be added to 'fonts-src'" in said
    assert "img-src:" not in said


@pytest.mark.parametrize(
    "entry",
    [
        "font-src=https://fonts.gstatic.com",
        "font-src=data:",
        "img-src=https://*.example.org",
        "img-src=blob:",
        "connect-src=wss://live.example.org:8443/feed",
        "connect-src=https://xn--mnchen-3ya.example.org/a%20b/c.json",
        "frame-src=https://www.youtube-nocookie.com",
        "media-src=https://203.0.113.7:8443",
        "style-src='unsafe-inline'",
        "script-src='wasm-unsafe-eval'",
        "script-src='sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
        "worker-src=blob:",
        "manifest-src=https://a.org/",
    ],
)
def test_a_right_source_is_taken(entry: str) -> None:
    directive, _, source = entry.partition("=")
    assert settings(contentSources=json.dumps([entry])).content_sources == {directive: (source,)}
