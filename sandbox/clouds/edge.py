"""Cloudflare's edge: a reverse proxy for the zone's proxied names, on an address of its own.

It finds the origin by the request's `Host` and connects from the address that `/ips` lists. It sends the client's
address in `CF-Connecting-IP` and `X-Forwarded-For`. If the origin does not answer, the status is 520 to 526, as at
Cloudflare. The zone's SSL mode chooses the port of the origin for https requests: 80 (`flexible`), 443 (`full`, and
`strict` with a valid certificate), or none (`off`). `always_use_https` has an effect as well. Deliberately left out:
caching, WebSockets, and all other settings of the zone.
"""

import json
import ssl
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from starlette import routing
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from sandbox.clouds.cloudflare.settings import value_of
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


class Origins:
    """How origins are asked. `trusting` takes any certificate that one shows, `strict` a valid one only."""

    def __init__(self, trusting: httpx.AsyncBaseTransport, strict: httpx.AsyncBaseTransport) -> None:
        timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        self._trusting = httpx.AsyncClient(transport=trusting, timeout=timeout)
        self._strict = httpx.AsyncClient(transport=strict, timeout=timeout)

    def client(self, mode: str) -> httpx.AsyncClient:
        return self._strict if mode == "strict" else self._trusting

    async def aclose(self) -> None:
        await self._trusting.aclose()
        await self._strict.aclose()


@dataclass(frozen=True)
class Route:
    """The origin of a proxied name, and its zone's settings."""

    origin: str
    """An address, or a name outside the zone."""
    ssl: str
    always_https: bool


def create_edge(store: Store, origins: Origins) -> Starlette:
    """The edge in front of the zones in `store`."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await origins.aclose()

    async def answer(request: Request) -> Response:
        ray = f"{uuid.uuid4().hex[:16]}-SBX"
        response = await _answer(request, store, origins, ray)
        response.headers["server"] = "cloudflare"
        response.headers["cf-ray"] = ray
        return response

    return Starlette(lifespan=lifespan, routes=[routing.Route("/{path:path}", answer, methods=METHODS)])


def route(store: Store, host: str) -> Route | None:
    """The route of the proxied name `host`. None for any other name."""
    name = host.partition(":")[0].rstrip(".").lower()
    with store.read() as whole:
        zone = zone_of(name, active(whole.cloudflare))
        record = _target(zone, name) if zone else None
        if zone is None or record is None or not record.proxied:
            return None
        for _ in range(MAX_CHAIN):
            following = _target(zone, record.content) if record.type == "CNAME" else None
            if following is None:
                return Route(record.content, value_of(zone, "ssl"), value_of(zone, "always_use_https") == "on")
            record = following
    return None


def _target(zone: Zone, name: str) -> DnsRecord | None:
    found = records_at(zone, name) if zone_of(name, [zone]) else None
    return next((record for record in found or [] if record.type in ("A", "CNAME")), None)


def _error(code: int, status: int) -> Response:
    return PlainTextResponse(f"error code: {code}\n", status_code=status)


async def _answer(request: Request, store: Store, origins: Origins, ray: str) -> Response:
    host = request.headers.get("host", "")
    if "cloudflare" in request.headers.get("cdn-loop", ""):
        return _error(1000, 403)  # the origin is the edge itself
    found = route(store, host)
    if found is None:
        return _error(1001, 409)
    scheme = request.url.scheme
    if scheme == "http" and found.always_https:
        return RedirectResponse(str(request.url.replace(scheme="https")), 301)
    if scheme == "https" and found.ssl == "off":
        return RedirectResponse(str(request.url.replace(scheme="http")), 301)
    onwards = "https" if scheme == "https" and found.ssl in ("full", "strict") else "http"
    url = httpx.URL(str(request.url)).copy_with(scheme=onwards, host=found.origin, port=None)
    client = origins.client(found.ssl)
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    asked = client.build_request(
        request.method,
        url,
        headers=[*_passed_on(request.headers.items(), _SAID_BY_THE_EDGE), *_said(request, host, ray)],
        content=request.stream() if has_body else None,
        extensions={"sni_hostname": host.partition(":")[0]},
    )
    try:
        answered = await client.send(asked, stream=True)
    except httpx.ConnectTimeout:
        return _error(522, 522)
    except httpx.ConnectError as error:
        code = _unconnected(error)
        return _error(code, code)
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


def _unconnected(error: httpx.ConnectError) -> int:
    """526 for a certificate that is not valid, 525 for a TLS handshake that fails, else 521."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return 521
    return 526 if isinstance(cause, ssl.SSLCertVerificationError) else 525


def _passed_on(headers: Iterable[tuple[str, str]], replaced: frozenset[str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP | replaced]


def _said(request: Request, host: str, ray: str) -> list[tuple[str, str]]:
    """The headers for the origin. A client's own `CF-Connecting-IP` is not passed on."""
    client = request.client.host if request.client else ""
    claimed = request.headers.get("x-forwarded-for")
    scheme = request.url.scheme
    return [
        ("Host", host),
        ("CF-Connecting-IP", client),
        ("CF-Ray", ray),
        ("CF-Visitor", json.dumps({"scheme": scheme}, separators=(",", ":"))),
        ("CDN-Loop", "cloudflare; loops=1"),
        ("X-Forwarded-For", f"{claimed}, {client}" if claimed else client),
        ("X-Forwarded-Proto", scheme),
    ]
