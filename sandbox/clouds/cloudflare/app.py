"""The Cloudflare API as one application: authentication, rate limits, and the form of every answer."""

import re
import uuid
from collections.abc import Awaitable, Callable
from hashlib import md5
from ipaddress import IPv4Network

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sandbox.clouds.cloud import Cloud
from sandbox.clouds.cloudflare import errors, records, settings, zones
from sandbox.clouds.cloudflare.errors import ApiError, Fault, envelope
from sandbox.clouds.cloudflare.zones import FREE, Plan
from sandbox.clouds.faults import Faults
from sandbox.clouds.limits import Quota, RateLimit

REQUESTS = 1200
SECONDS = 300
_TOKEN = re.compile(r"Bearer [0-9A-Za-z_\-]{40,80}")


def create_app(
    cloud: Cloud,
    token: str,
    read_only: str,
    faults: Faults,
    limit: RateLimit,
    *,
    origin_pulls_from: IPv4Network,
    plan: Plan = FREE,
) -> FastAPI:
    """`read_only` is a second token, which may change nothing; `origin_pulls_from` is where the edge's requests to
    origins come from: what `/ips` answers."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.cloud = cloud
    app.state.plan = plan
    for router in (records.router, settings.router, zones.router):
        app.include_router(router)

    @app.get("/ips")
    def list_ips() -> dict[str, object]:
        """Public, as the real one."""
        ranges = [str(origin_pulls_from)]
        etag = md5(repr(ranges).encode(), usedforsecurity=False).hexdigest()
        return envelope({"ipv4_cidrs": ranges, "ipv6_cidrs": [], "etag": etag})

    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
        quota: Quota | None = None
        if fault := faults.take(request.method, request.url.path):
            code = fault.code or (10001 if fault.status >= 500 else 971)
            response = _refusal(ApiError(fault.status, code, fault.message))
            if fault.retry_after is not None:
                response.headers["retry-after"] = str(fault.retry_after)
        elif path != "/ips" and (error := _stranger(request, token, read_only, path)):
            response = _refusal(error)
        else:
            quota = limit.take(token)
            if quota.retry_after:
                response = _refusal(ApiError(429, 971, "Please wait and consider throttling your request speed"))
                response.headers["retry-after"] = str(quota.retry_after)
            else:
                response = await call_next(request)
            response.headers["ratelimit"] = f'"default";r={quota.remaining};t={limit.seconds}'
            response.headers["ratelimit-policy"] = f'"default";q={quota.limit};w={limit.seconds}'
        response.headers["cf-ray"] = f"{uuid.uuid4().hex[:16]}-SBX"
        return response

    app.middleware("http")(guard)
    app.exception_handler(ApiError)(_refused)
    app.exception_handler(RequestValidationError)(_malformed)
    app.exception_handler(HTTPException)(_no_route)
    app.exception_handler(Exception)(_broken)
    return app


def _stranger(request: Request, token: str, read_only: str, path: str) -> ApiError | None:
    """Why this request is refused; None if its token allows it."""
    header = request.headers.get("authorization")
    if header is None:
        return ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    if not _TOKEN.fullmatch(header):
        chain = Fault(6111, "Invalid format for Authorization header")
        return ApiError(400, 6003, "Invalid request headers", chain)
    if header == f"Bearer {token}":
        return None
    if header == f"Bearer {read_only}":
        return None if request.method in ("GET", "HEAD") else ApiError(403, 10000, "Authentication error")
    if path == "/user/tokens/verify":
        return ApiError(401, 1000, "Invalid API Token")
    return ApiError(403, 9109, "Invalid access token")


def _refusal(error: ApiError) -> JSONResponse:
    return JSONResponse(errors.refusal(error), status_code=error.status)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _refusal(error)


async def _malformed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _refusal(errors.from_validation(error))


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return _refusal(ApiError(405, 10405, "Method not allowed for this authentication scheme"))
    return _refusal(errors.no_route(request.url.path))


async def _broken(_request: Request, _error: Exception) -> Response:
    """A fault of ours; its traceback is in the log."""
    return _refusal(ApiError(500, 10001, "Internal server error"))
