"""The HTTP side: health, and events that are written to PostgreSQL and read through Redis."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable
from typing import Annotated

from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from auren_api.cache import EventCache
from auren_api.events import Event, NewEvent
from auren_api.settings import Settings
from auren_api.store import UNAVAILABLE, EventStore

HEALTH_TIMEOUT = 3
"""Seconds each dependency has to answer a health check."""

MAX_ID = 2**63 - 1
"""PostgreSQL's bigint."""


def create_app() -> FastAPI:
    settings = Settings.from_environment(os.environ)
    store = EventStore(settings)
    cache = EventCache(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.open()
        # In the background: the API answers at once, and its health says what it still waits for.
        preparation = asyncio.create_task(store.prepare())
        try:
            yield
        finally:
            preparation.cancel()
            await asyncio.gather(preparation, return_exceptions=True)
            await store.close()
            await cache.close()

    app = FastAPI(
        title="AUREN API (stand-in)", lifespan=lifespan, docs_url="/api/docs", openapi_url="/api/openapi.json"
    )

    @app.exception_handler(Exception)
    async def unexpected(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "internal error"}, status_code=500)

    async def unavailable(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "PostgreSQL does not answer; try again"}, 503, {"Retry-After": "2"})

    for error in UNAVAILABLE:
        app.add_exception_handler(error, unavailable)

    @app.get("/health")
    @app.get("/api/health")
    async def health() -> JSONResponse:
        """200 only when a query in PostgreSQL and a ping of Redis both succeed; else 503 and which failed."""
        postgres, redis = await asyncio.gather(_verdict(store.check()), _verdict(cache.check()))
        healthy = postgres == redis == "ok"
        return JSONResponse(
            {"status": "ok" if healthy else "unavailable", "checks": {"postgres": postgres, "redis": redis}},
            status_code=200 if healthy else 503,
        )

    @app.post("/api/events", status_code=201)
    async def add_event(new: NewEvent) -> Event:
        event = await store.add(new)
        await cache.put(event)
        return event

    @app.get("/api/events")
    async def latest_events(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[Event]:
        return await store.latest(limit)

    @app.get("/api/events/{event_id}")
    async def get_event(event_id: Annotated[int, Path(ge=1, le=MAX_ID)], response: Response) -> Event:
        event = await cache.get(event_id)
        response.headers["X-Cache"] = "hit" if event else "miss"
        if event is None:
            event = await store.get(event_id)
            if event is None:
                raise HTTPException(404, f"no event {event_id}", {"X-Cache": "miss"})
            await cache.put(event)
        return event

    return app


async def _verdict(check: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT):
            await check
    except Exception as error:  # whatever it is, it is the answer to the question
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return "ok"
