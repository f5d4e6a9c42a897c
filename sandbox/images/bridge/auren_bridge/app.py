"""The Bridge as a service: its consumer works in the background, its health is told over HTTP."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from auren_backing.background import background
from auren_backing.biometric_store import STATEMENT, TABLE, BiometricStore
from auren_backing.biometrics import Biometric
from auren_backing.checkpoints import Checkpoints
from auren_backing.health import Health
from auren_backing.postgres import Database
from auren_backing.publisher import Publisher
from auren_backing.redis_client import connect
from auren_backing.refusals import answer_refusals
from auren_backing.subscription import Subscription
from auren_backing.topics import EVENTS, PROCESSED
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from auren_bridge.pipeline import Pipeline
from auren_bridge.settings import Settings


def create_app() -> FastAPI:
    settings = Settings.from_environment(os.environ)
    database = Database(settings.postgres, "auren-bridge", {TABLE: STATEMENT})
    redis = connect(settings.redis)
    publisher = Publisher(settings.kafka, PROCESSED)
    pipeline = Pipeline(Checkpoints(redis), BiometricStore(database), publisher)
    subscription = Subscription(
        settings.kafka, topic=EVENTS, group="auren-bridge", message=Biometric, handle=pipeline.work_out
    )

    health = Health(
        {
            "postgres": database.check,
            "redis": redis.ping,
            "kafka": publisher.check,
            "consumer": subscription.check,
        }
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open()
        async with background(database.prepare(), subscription.run()):
            yield
        await asyncio.gather(publisher.close(), database.close(), redis.aclose())

    app = FastAPI(title="AUREN Biometric Bridge (stand-in)", lifespan=lifespan, openapi_url=None)
    answer_refusals(app)

    @app.get("/health")
    async def report_health() -> JSONResponse:
        return await health.answer()

    return app
