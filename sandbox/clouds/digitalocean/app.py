"""The DigitalOcean API as one application: authentication, rate limits, and the form of every answer."""

import uuid
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from sandbox.clouds.cloud import Cloud
from sandbox.clouds.digitalocean import (
    actions,
    catalogue,
    droplet_actions,
    droplet_create,
    droplets,
    errors,
    firewalls,
    keys,
    projects,
    reserved_ips,
    spaces_keys,
    tags,
    volume_actions,
    volumes,
    vpcs,
)
from sandbox.clouds.digitalocean.errors import ApiError
from sandbox.clouds.digitalocean.scopes import scopes
from sandbox.clouds.faults import Faults
from sandbox.clouds.limits import Quota, RateLimit
from sandbox.clouds.tokens import Tokens

HOURLY = 5000
PER_MINUTE = 250

_ROUTERS = (
    keys.router,
    catalogue.router,
    actions.router,
    vpcs.router,
    volume_actions.router,
    volumes.router,
    reserved_ips.router,
    firewalls.router,
    tags.router,
    projects.router,
    spaces_keys.router,
    droplet_actions.router,
    droplet_create.router,
    droplets.router,  # last: it answers for every other path below a droplet
)


def create_app(cloud: Cloud, tokens: Tokens, faults: Faults, *, hourly: RateLimit, burst: RateLimit) -> FastAPI:
    allowed = {f"Bearer {token}": allows for token, allows in scopes(tokens).items()}
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.cloud = cloud
    for router in _ROUTERS:
        app.include_router(router)

    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.id = str(uuid.uuid4())
        quota: Quota | None = None
        if fault := faults.take(request.method, request.url.path):
            response = _refusal(request, ApiError(fault.status, fault.message))
            if fault.retry_after is not None:
                response.headers["retry-after"] = str(fault.retry_after)
        elif (asker := request.headers.get("authorization", "")) not in allowed:
            response = _refusal(request, ApiError(401, "Unable to authenticate you"))
        elif not allowed[asker](request.method, request.url.path):
            response = _refusal(request, ApiError(403, "you do not have access for the attempted action"))
        else:
            quota = hourly.take(asker)
            minute = burst.take(asker)
            wait = max(quota.retry_after or 0, minute.retry_after or 0)
            if wait:
                response = _refusal(request, ApiError(429, "API rate limit exceeded."))
                response.headers["retry-after"] = str(wait)
            else:
                response = await call_next(request)
        if quota:
            response.headers["ratelimit-limit"] = str(quota.limit)
            response.headers["ratelimit-remaining"] = str(quota.remaining)
            response.headers["ratelimit-reset"] = str(quota.reset_at)
        response.headers["x-request-id"] = request.state.id
        return response

    app.middleware("http")(guard)
    app.exception_handler(ApiError)(_refused)
    app.exception_handler(RequestValidationError)(_malformed)
    app.exception_handler(HTTPException)(_no_route)
    app.exception_handler(Exception)(_broken)
    return app


def _refusal(request: Request, error: ApiError) -> JSONResponse:
    return JSONResponse(
        {"id": error.id, "message": error.message, "request_id": request.state.id}, status_code=error.status
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _refusal(request, error)


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _refusal(request, errors.from_validation(error))


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _refusal(
        request, errors.not_found() if error.status_code == 404 else ApiError(error.status_code, error.detail)
    )


async def _broken(request: Request, _error: Exception) -> Response:
    """A fault of ours; its traceback is in the log."""
    return _refusal(request, ApiError(500, "Server was unable to give you a response."))
