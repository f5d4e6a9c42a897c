"""The edge in front of proxied names, with origins that are only remembered."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.clouds.app import open_store
from sandbox.clouds.edge import create_edge
from sandbox.clouds.state import DnsRecord, now
from sandbox.clouds.store import Store

CLIENT = "198.18.0.9"
Origin = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = open_store(tmp_path, "aupex.ai")
    records: list[dict[str, Any]] = [
        {"type": "A", "name": "aupex.ai", "content": "198.51.100.129", "proxied": True},
        {"type": "CNAME", "name": "www.aupex.ai", "content": "aupex.ai", "proxied": True},
        {"type": "CNAME", "name": "out.aupex.ai", "content": "origin.example.com", "proxied": True},
        {"type": "CNAME", "name": "loop.aupex.ai", "content": "loop.aupex.ai", "proxied": True},
        {"type": "A", "name": "plain.aupex.ai", "content": "198.51.100.129", "proxied": False},
    ]
    with made.change() as whole:
        (zone,) = whole.cloudflare.zones.values()
        for number, fields in enumerate(records):
            zone.records[str(number)] = DnsRecord(id=str(number), ttl=1, created_on=now(), modified_on=now(), **fields)
    return made


def ask(store: Store, origin: Origin, method: str = "GET", path: str = "/", **request: Any) -> httpx.Response:
    async def exchange() -> httpx.Response:
        edge = httpx.ASGITransport(create_edge(store, httpx.MockTransport(origin)), client=(CLIENT, 1234))
        async with httpx.AsyncClient(transport=edge, base_url="http://aupex.ai") as client:
            return await client.request(method, path, **request)

    return asyncio.run(exchange())


def test_an_origin_is_asked_in_the_clients_name(store: Store) -> None:
    seen: list[httpx.Request] = []

    def origin(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        headers = [("Server", "nginx"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Connection", "close")]
        return httpx.Response(201, headers=headers, stream=httpx.ByteStream(b"made"))

    claims = {"CF-Connecting-IP": "6.6.6.6", "X-Forwarded-For": "1.2.3.4", "X-Own": "yes"}
    answer = ask(store, origin, "POST", "/api/x?y=%2F", content=b"body", headers=claims)
    (asked,) = seen
    assert (str(asked.url), asked.method) == ("http://198.51.100.129/api/x?y=%2F", "POST")
    assert asked.headers["host"] == "aupex.ai"
    assert asked.headers.get_list("cf-connecting-ip") == [CLIENT]
    assert asked.headers["x-forwarded-for"] == f"1.2.3.4, {CLIENT}"
    assert (asked.headers["x-forwarded-proto"], asked.headers["x-own"]) == ("http", "yes")
    assert asked.headers["cf-ray"] == answer.headers["cf-ray"]
    assert (answer.status_code, answer.content, answer.headers["server"]) == (201, b"made", "cloudflare")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("aupex.ai:80", "198.51.100.129"),
        ("WWW.aupex.ai", "198.51.100.129"),
        ("out.aupex.ai", "origin.example.com"),
        ("loop.aupex.ai", None),
        ("plain.aupex.ai", None),
        ("nothing.aupex.ai", None),
        ("example.com", None),
    ],
)
def test_the_host_decides_the_origin(store: Store, host: str, target: str | None) -> None:
    def origin(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(request.url.host.encode()))

    answer = ask(store, origin, headers={"Host": host})
    expected = (409, "error code: 1001\n") if target is None else (200, target)
    assert (answer.status_code, answer.text) == expected


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (httpx.ConnectError("refused"), 521),
        (httpx.ConnectTimeout("no answer"), 522),
        (httpx.ReadTimeout("too slow"), 524),
        (httpx.RemoteProtocolError("no HTTP"), 520),
    ],
)
def test_an_origin_that_does_not_answer(store: Store, failure: Exception, status: int) -> None:
    def origin(_request: httpx.Request) -> httpx.Response:
        raise failure

    answer = ask(store, origin)
    assert (answer.status_code, answer.text) == (status, f"error code: {status}\n")


def test_an_edge_that_would_ask_itself_stops(store: Store) -> None:
    def origin(_request: httpx.Request) -> httpx.Response:
        pytest.fail("the origin was asked")

    assert ask(store, origin, headers={"CDN-Loop": "cloudflare; loops=1"}).status_code == 403
