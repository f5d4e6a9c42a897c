"""Cloudflare's edge: a reverse proxy for the zone's proxied names, on an address of its own.

It finds the origin by the `Host` asked for, asks it from the address that `/ips` lists, and says who asked
(`CF-Connecting-IP`, `X-Forwarded-For`). An origin that does not answer is a 521, 522, 520 or 524 as there.
Deliberately left out: TLS, caching, WebSockets, and whatever else the zone's settings ask of the real edge.
"""

import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.clouds.name_server import MAX_CHAIN, active, records_at, zone_of
from sandbox.clouds.state import DnsRecord, Zone
from sandbox.clouds.store import Store

CONNECT_SECONDS = 19.0
READ_SECONDS = 100.0
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SAID_BY_THE_EDGE = frozenset(
    {"host", "cf-connecting-ip", "cf-ray", "cf-visitor", "cdn-loop", "x-forwarded-for", "x-forwarded-proto"}
)


def create_edge(store: Store, transport: httpx.AsyncBaseTransport) -> Starlette:
    """The edge in front of the zones in `store`, asking origins by way of `transport`."""
    client = httpx.AsyncClient(transport=transport, timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    async def answer(request: Request) -> Response:
        ray = f"{uuid.uuid4().hex[:16]}-SBX"
        response = await _answer(request, store, client, ray)
        response.headers["server"] = "cloudflare"
        response.headers["cf-ray"] = ray
        return response

    return Starlette(lifespan=lifespan, routes=[Route("/{path:path}", answer, methods=METHODS)])


def origin(store: Store, host: str) -> str | None:
    """Where the proxied name `host` leads: an address, or a name outside the zone. None for any other name."""
    name = host.partition(":")[0].rstrip(".").lower()
    with store.read() as whole:
        zone = zone_of(name, active(whole.cloudflare))
        record = _target(zone, name) if zone else None
        if zone is None or record is None or not record.proxied:
            return None
        for _ in range(MAX_CHAIN):
            following = _target(zone, record.content) if record.type == "CNAME" else None
            if following is None:
                return record.content
            record = following
    return None


def _target(zone: Zone, name: str) -> DnsRecord | None:
    found = records_at(zone, name) if zone_of(name, [zone]) else None
    return next((record for record in found or [] if record.type in ("A", "CNAME")), None)


def _error(code: int, status: int) -> Response:
    return PlainTextResponse(f"error code: {code}\n", status_code=status)


async def _answer(request: Request, store: Store, client: httpx.AsyncClient, ray: str) -> Response:
    host = request.headers.get("host", "")
    if "cloudflare" in request.headers.get("cdn-loop", ""):
        return _error(1000, 403)  # the origin is the edge itself
    target = origin(store, host)
    if target is None:
        return _error(1001, 409)
    url = httpx.URL(str(request.url)).copy_with(scheme="http", host=target, port=None)
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    asked = client.build_request(
        request.method,
        url,
        headers=[*_passed_on(request.headers.items(), _SAID_BY_THE_EDGE), *_said(request, host, ray)],
        content=request.stream() if has_body else None,
    )
    try:
        answered = await client.send(asked, stream=True)
    except httpx.ConnectTimeout:
        return _error(522, 522)
    except httpx.ConnectError:
        return _error(521, 521)
    except httpx.TimeoutException:
        return _error(524, 524)
    except httpx.TransportError:
        return _error(520, 520)
    response = StreamingResponse(
        answered.aiter_raw(), status_code=answered.status_code, background=BackgroundTask(answered.aclose)
    )
    # As pairs, not as a mapping: an origin may set several cookies.
    response.raw_headers = [
        (name.encode(), value.encode())
        for name, value in _passed_on(answered.headers.multi_items(), frozenset({"server"}))
    ]
    response.headers["cf-cache-status"] = "DYNAMIC"
    return response


def _passed_on(headers: Iterable[tuple[str, str]], replaced: frozenset[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP | replaced]


def _said(request: Request, host: str, ray: str) -> list[tuple[str, str]]:
    """What the edge tells the origin. What a client claims of `CF-Connecting-IP` is not passed on."""
    client = request.client.host if request.client else ""
    claimed = request.headers.get("x-forwarded-for")
    return [
        ("Host", host),
        ("CF-Connecting-IP", client),
        ("CF-Ray", ray),
        ("CF-Visitor", '{"scheme":"http"}'),
        ("CDN-Loop", "cloudflare; loops=1"),
        ("X-Forwarded-For", f"{claimed}, {client}" if claimed else client),
        ("X-Forwarded-Proto", "http"),
    ]
