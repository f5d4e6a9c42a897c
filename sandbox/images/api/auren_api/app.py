"""The HTTP side: health, events that are written to PostgreSQL and read through Redis, and biometrics."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

from aiokafka.errors import KafkaError
from auren_backing import biometric_store, postgres
from auren_backing.background import background
from auren_backing.biometric_store import BiometricStore
from auren_backing.biometrics import ClassifiedBiometric
from auren_backing.checkpoints import Checkpoints
from auren_backing.health import Health
from auren_backing.postgres import Database
from auren_backing.publisher import Publisher
from auren_backing.redis_client import connect
from auren_backing.refusals import answer_refusals
from auren_backing.subscription import Subscription
from auren_backing.topics import EVENTS, PROCESSED
from fastapi import FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError

from auren_api import chroma, store
from auren_api.biometrics import biometric_routes, live_routes
from auren_api.cache import EventCache
from auren_api.chroma import ChromaCollection
from auren_api.download import download_routes
from auren_api.events import Event, NewEvent
from auren_api.live import Live
from auren_api.settings import Settings
from auren_api.store import EventStore

log = logging.getLogger(__name__)

MAX_ID = 2**63 - 1
"""PostgreSQL's bigint."""
MAX_BODY = 64 * 1024
"""Bytes; what is reported here has some hundred."""


def create_app() -> FastAPI:
    settings = Settings.from_environment(os.environ)
    database = Database(
        settings.postgres,
        "auren-api",
        {store.TABLE: store.STATEMENT, biometric_store.TABLE: biometric_store.STATEMENT},
    )
    redis = connect(settings.redis)
    collection = ChromaCollection(settings.chroma)
    publisher = Publisher(settings.kafka, EVENTS)
    live = Live()

    async def take_up(biometric: ClassifiedBiometric) -> None:
        await collection.put(biometric)
        live.tell(biometric)

    subscription = Subscription(
        settings.kafka, topic=PROCESSED, group="auren-api", message=ClassifiedBiometric, handle=take_up
    )
    health = Health(
        {
            "postgres": database.check,
            "redis": redis.ping,
            "chroma": collection.check,
            "kafka": publisher.check,
            "consumer": subscription.check,
        }
    )
    events, cache = EventStore(database), EventCache(redis)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open()
        # In the background: the API answers at once, and its health says what it still waits for.
        async with background(database.prepare(), subscription.run()):
            yield
        await asyncio.gather(publisher.close(), collection.close(), database.close(), redis.aclose())

    app = FastAPI(
        redirect_slashes=False,  # a path with a slash more is another path
        title="AUREN API (stand-in)",
        lifespan=lifespan,
        docs_url="/api/docs",
        openapi_url="/api/openapi.json",
        max_body_size=MAX_BODY,
    )
    answer_refusals(app)
    _answer_failures(app)
    app.include_router(live_routes(live))
    app.include_router(download_routes())
    app.include_router(biometric_routes(publisher, BiometricStore(database), Checkpoints(redis), collection))

    @app.get("/health")
    @app.get("/api/health")
    async def report_health() -> JSONResponse:
        return await health.answer()

    @app.post("/api/events", status_code=201)
    async def add_event(new: NewEvent) -> Event:
        event = await events.add(new)
        await cache.put(event)
        return event

    @app.get("/api/events")
    async def latest_events(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[Event]:
        return await events.latest(limit)

    @app.get("/api/events/{event_id}")
    async def get_event(event_id: Annotated[int, Path(ge=1, le=MAX_ID)], response: Response) -> Event:
        event = await cache.get(event_id)
        response.headers["X-Cache"] = "hit" if event else "miss"
        if event is None:
            event = await events.get(event_id)
            if event is None:
                raise HTTPException(404, f"no event {event_id}", {"X-Cache": "miss"})
            await cache.put(event)
        return event

    return app


def _answer_failures(app: FastAPI) -> None:
    """503 with the name of the service that is away."""
    failures = dict.fromkeys(postgres.UNAVAILABLE, "PostgreSQL")
    failures |= {RedisError: "Redis", chroma.UNAVAILABLE: "Chroma", KafkaError: "Kafka"}
    for error, service in failures.items():
        app.add_exception_handler(error, _unavailable(service))


def _unavailable(service: str) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def answer(_: Request, error: Exception) -> JSONResponse:
        log.warning("%s does not answer: %s: %s", service, type(error).__name__, error)
        return JSONResponse({"detail": f"{service} does not answer; try again"}, 503, {"Retry-After": "2"})

    return answer
