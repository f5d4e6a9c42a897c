"""Biometrics over HTTP: into Kafka, and read back from PostgreSQL, Redis and Chroma once they are through."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from auren_backing.biometric_store import BiometricStore
from auren_backing.biometrics import Biometric, ClassifiedBiometric, Label, NewBiometric
from auren_backing.checkpoints import Checkpoints
from auren_backing.publisher import Publisher
from auren_backing.ranges import NORMAL
from fastapi import APIRouter, HTTPException, Query, Response, WebSocket
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

from auren_api.chroma import ChromaCollection
from auren_api.live import Live

WRONG_MESSAGE = 1007
"""A WebSocket's status for a message that says nothing (RFC 6455, 7.4.1)."""
_LABEL = TypeAdapter(Label)


class Accepted(BaseModel):
    """By this id the measurement can be asked for, as soon as it is worked out."""

    id: UUID


class BiometricAnswer(ClassifiedBiometric):
    checkpoint: ClassifiedBiometric | None
    """The user's last measurement that was worked out; none when Redis has lost it."""
    similar: list[UUID]


def biometric_routes(
    publisher: Publisher, store: BiometricStore, checkpoints: Checkpoints, chroma: ChromaCollection
) -> APIRouter:
    router = APIRouter(prefix="/api/biometrics")

    @router.post("", status_code=202)
    async def report(new: NewBiometric) -> Accepted:
        """Answers when Kafka has acknowledged it: from then on it is not lost."""
        biometric = Biometric(**new.model_dump(), id=uuid4(), recorded_at=datetime.now(UTC))
        await publisher.publish(biometric)
        return Accepted(id=biometric.id)

    @router.get("")
    async def latest(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[ClassifiedBiometric]:
        return await store.latest(limit)

    @router.get("/ranges")
    async def ranges(response: Response) -> dict[str, tuple[float, float]]:
        """What is normal, by metric: the same for everybody, so whoever is between may keep it for a while."""
        response.headers["Cache-Control"] = "public, max-age=60"
        return NORMAL

    @router.get("/{biometric_id}")
    async def one(biometric_id: UUID) -> BiometricAnswer:
        biometric = await store.get(biometric_id)
        if biometric is None or not await chroma.holds(biometric_id):
            raise HTTPException(404, f"no biometric {biometric_id}, or it is not worked out yet")
        checkpoint, similar = await asyncio.gather(checkpoints.get(biometric.user_id), chroma.similar(biometric))
        return BiometricAnswer(**biometric.model_dump(), checkpoint=checkpoint, similar=similar)

    return router


def live_routes(live: Live) -> APIRouter:
    """Measurements as they are worked out: as server-sent events, and over a WebSocket."""
    router = APIRouter(prefix="/api/biometrics/live")

    @router.get("", response_class=EventSourceResponse)
    async def events(user_id: Annotated[Label | None, Query()] = None) -> AsyncGenerator[ClassifiedBiometric, None]:
        """Those of one user, or of all. The response sends a comment when there is nothing to say for 15 seconds."""
        async with contextlib.aclosing(live.listen()) as measurements:
            async for biometric in measurements:
                if user_id in (None, biometric.user_id):
                    yield biometric

    @router.websocket("")
    async def socket(websocket: WebSocket) -> None:
        """Those of all users, until the client sends a user's id; then those of this user."""
        chosen: str | None = None

        async def send() -> None:
            async with contextlib.aclosing(live.listen()) as measurements:
                async for biometric in measurements:
                    if chosen in (None, biometric.user_id):
                        await websocket.send_text(biometric.model_dump_json())

        await websocket.accept()
        sending = asyncio.create_task(send())
        try:
            while (message := await websocket.receive())["type"] == "websocket.receive":
                chosen = _LABEL.validate_python(message.get("text"))
        except ValidationError:
            await websocket.close(WRONG_MESSAGE, "no user's id")
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    return router
