"""The edge in front of proxied names, with origins that are only remembered."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.clouds.app import open_store
from sandbox.clouds.edge import Origins, create_edge
from sandbox.clouds.edge_certificates import AUTHORITY, EdgeCertificates
from sandbox.clouds.state import DnsRecord, ZoneSetting, now
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


def ask(
    store: Store, origin: Origin, method: str = "GET", path: str = "/", scheme: str = "http", **request: Any
) -> httpx.Response:
    def strict(request: httpx.Request) -> httpx.Response:
        answer = origin(request)
        answer.headers["verified"] = "yes"
        return answer

    async def exchange() -> httpx.Response:
        origins = Origins(httpx.MockTransport(origin), httpx.MockTransport(strict))
        edge = httpx.ASGITransport(create_edge(store, origins), client=(CLIENT, 1234))
        async with httpx.AsyncClient(transport=edge, base_url=f"{scheme}://aupex.ai") as client:
            return await client.request(method, path, **request)

    return asyncio.run(exchange())


def set_up(store: Store, **settings: str) -> None:
    with store.change() as whole:
        (zone,) = whole.cloudflare.zones.values()
        zone.settings |= {name: ZoneSetting(value=value, modified_on=now()) for name, value in settings.items()}


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


@pytest.mark.parametrize(
    ("mode", "scheme", "onwards", "verified"),
    [
        ("off", "http", "http", None),
        ("flexible", "http", "http", None),
        ("flexible", "https", "http", None),
        ("full", "http", "http", None),
        ("full", "https", "https", None),
        ("strict", "https", "https", "yes"),
    ],
)
def test_the_ssl_mode_decides_how_the_origin_is_asked(
    store: Store, mode: str, scheme: str, onwards: str, verified: str | None
) -> None:
    seen: list[httpx.Request] = []

    def origin(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    set_up(store, ssl=mode)
    answer = ask(store, origin, scheme=scheme, path="/x")
    (asked,) = seen
    assert str(asked.url) == f"{onwards}://198.51.100.129/x"
    assert (asked.headers["x-forwarded-proto"], asked.headers["cf-visitor"]) == (scheme, f'{{"scheme":"{scheme}"}}')
    assert asked.extensions["sni_hostname"] == "aupex.ai"
    assert answer.headers.get("verified") == verified


@pytest.mark.parametrize(
    ("settings", "scheme", "location"),
    [
        ({"ssl": "off"}, "https", "http://aupex.ai/x?y=1"),
        ({"always_use_https": "on"}, "http", "https://aupex.ai/x?y=1"),
    ],
)
def test_a_visitor_is_sent_to_the_scheme_that_is_served(
    store: Store, settings: dict[str, str], scheme: str, location: str
) -> None:
    def origin(_request: httpx.Request) -> httpx.Response:
        pytest.fail("the origin was asked")

    set_up(store, **settings)
    answer = ask(store, origin, scheme=scheme, path="/x?y=1")
    assert (answer.status_code, answer.headers["location"]) == (301, location)


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (ConnectionRefusedError(), 521),
        (ssl.SSLError("handshake failure"), 525),
        (ssl.SSLCertVerificationError("self-signed"), 526),
    ],
)
def test_an_origin_without_tls_as_the_mode_wants_it(store: Store, cause: OSError, status: int) -> None:
    def origin(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("as httpx wraps it") from cause

    assert ask(store, origin, scheme="https").status_code == status


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str | None) -> None:
    """Let the two shake hands in memory. Raises `ssl.SSLError` as the client sees it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    visitor = client.wrap_bio(to_client, to_server, server_hostname=host)
    edge = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        with suppress(ssl.SSLWantReadError):
            visitor.do_handshake()
        with suppress(ssl.SSLError):  # what it wants, or refuses, is told to the client
            edge.do_handshake()
    assert visitor.version() == "TLSv1.3"


@pytest.fixture
def certificates(store: Store, tmp_path: Path) -> EdgeCertificates:
    return EdgeCertificates(tmp_path / "edge", store)


def trusting(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "edge" / AUTHORITY))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize("host", ["aupex.ai", "www.aupex.ai", "AUPEX.ai"])
def test_a_zones_certificate_covers_it_and_one_level_below(
    certificates: EdgeCertificates, tmp_path: Path, host: str
) -> None:
    server = certificates.server_context()
    handshake(server, trusting(tmp_path), host)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, ssl.create_default_context(), host)


@pytest.mark.parametrize("host", ["www.stage.aupex.ai", "example.org", "ai", None])
def test_for_any_other_name_the_handshake_fails(
    certificates: EdgeCertificates, tmp_path: Path, host: str | None
) -> None:
    server = certificates.server_context()
    client = trusting(tmp_path)
    client.check_hostname = host is not None
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        handshake(server, client, host)


def test_the_authority_and_its_certificates_survive_a_restart_and_are_private(
    certificates: EdgeCertificates, store: Store, tmp_path: Path
) -> None:
    certificates.server_context()
    client = trusting(tmp_path)
    handshake(EdgeCertificates(tmp_path / "edge", store).server_context(), client, "aupex.ai")
    handshake(EdgeCertificates(tmp_path / "edge", store).server_context(), client, "aupex.ai")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "edge").iterdir()}
    assert modes == {AUTHORITY: 0o644, "authority.key": 0o600, "zone-aupex.ai.pem": 0o600}
