"""Events in Redis, for a while. A cache that is away costs speed, never an answer."""

import logging

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from auren_api.events import Event
from auren_api.settings import Settings

log = logging.getLogger(__name__)

LIFETIME = 300
"""Seconds an event stays."""


class EventCache:
    def __init__(self, settings: Settings) -> None:
        self._redis = Redis(
            host=settings.redis_host,
            port=settings.redis_port,
            password=settings.redis_password,
            socket_connect_timeout=2,
            socket_timeout=2,
            # A connection that was idle is asked first, so that a restart of Redis goes unnoticed.
            health_check_interval=5,
            # Once: whoever asks waits meanwhile, and PostgreSQL has the answer too.
            retry=Retry(NoBackoff(), 1),
        )

    async def close(self) -> None:
        await self._redis.aclose()

    async def check(self) -> None:
        await self._redis.ping()

    async def put(self, event: Event) -> None:
        try:
            await self._redis.set(_key(event.id), event.model_dump_json(), ex=LIFETIME)
        except RedisError as error:
            log.warning("event %d is not cached: %s", event.id, error)

    async def get(self, event_id: int) -> Event | None:
        try:
            cached = await self._redis.get(_key(event_id))
            return None if cached is None else Event.model_validate_json(cached)
        except (RedisError, ValidationError) as error:
            log.warning("the cache is passed over for event %d: %s", event_id, error)
            return None


def _key(event_id: int) -> str:
    return f"event:{event_id}"
