"""The filters of a list of DNS records: `name`, `content.contains`, `tag.absent`, `match=any` and the rest."""

from collections.abc import Callable
from typing import Any

from fastapi import Request

from sandbox.clouds.cloudflare.errors import invalid
from sandbox.clouds.cloudflare.paging import ordered, paged
from sandbox.clouds.state import DnsRecord

PER_PAGE = 100
MAX_PER_PAGE = 5_000_000

Test = Callable[[DnsRecord], bool]

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "": lambda value, wanted: value == wanted,
    "exact": lambda value, wanted: value == wanted,
    "contains": lambda value, wanted: wanted in value,
    "startswith": lambda value, wanted: value.startswith(wanted),
    "endswith": lambda value, wanted: value.endswith(wanted),
    "present": lambda value, _: bool(value),
    "absent": lambda value, _: not value,
}
_TEXTS: dict[str, Callable[[DnsRecord], str]] = {
    "name": lambda record: record.name,
    "content": lambda record: record.content,
    "comment": lambda record: record.comment or "",
}
_OTHERS = ("type", "proxied", "search", "match", "tag_match", "order", "direction", "page", "per_page")
_ORDERS: dict[str, Callable[[DnsRecord], Any]] = {
    "type": lambda record: record.type,
    "name": lambda record: record.name,
    "content": lambda record: record.content,
    "ttl": lambda record: record.ttl,
    "proxied": lambda record: record.proxied,
}


def _text_test(field: str, operator: str, wanted: str) -> Test:
    read, compare = _TEXTS[field], _OPERATORS[operator]
    return lambda record: compare(read(record).lower(), wanted.lower())


def _tag_test(operator: str, wanted: str) -> Test:
    """`tag.exact=env:prod` looks at name and value; `tag.present=env` at the name only."""
    if operator in ("present", "absent"):
        name = wanted.lower()
        return lambda record: any(tag.lower().split(":")[0] == name for tag in record.tags) is (operator == "present")
    compare = _OPERATORS[operator]
    return lambda record: any(compare(tag.lower(), wanted.lower()) for tag in record.tags)


def search(request: Request, records: list[DnsRecord], render: Callable[[DnsRecord], Any]) -> dict[str, Any]:
    query = request.query_params
    tests: list[Test] = []
    tag_tests: list[Test] = []
    for key, wanted in query.multi_items():
        field, _, operator = key.partition(".")
        if field in _TEXTS and operator in _OPERATORS:
            tests.append(_text_test(field, operator, wanted))
        elif field == "tag" and operator in _OPERATORS:
            tag_tests.append(_tag_test(operator, wanted))
        elif key not in _OTHERS:
            raise invalid(9207, f"The parameter {key!r} is not known.")
    if "type" in query:
        tests.append(lambda record: record.type == query["type"].upper())
    if "proxied" in query:
        tests.append(lambda record: record.proxied is (query["proxied"].lower() == "true"))
    if tag_tests:
        every = any if query.get("tag_match") == "any" else all
        tests.append(lambda record: every(test(record) for test in tag_tests))
    decide = any if query.get("match") == "any" and tests else all
    text = query.get("search", "").lower()
    chosen = [
        record
        for record in records
        if decide(test(record) for test in tests)
        and (not text or any(text in read(record).lower() for read in _TEXTS.values()))
    ]
    return paged(request, ordered(request, chosen, _ORDERS, "name"), render, per_page=PER_PAGE, most=MAX_PER_PAGE)
