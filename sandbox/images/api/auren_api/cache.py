"""Events in Redis, for a while. A cache that is away costs speed, never an answer."""

import logging

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from auren_api.events import Event

log = logging.getLogger(__name__)

LIFETIME = 300
"""Seconds an event stays."""


class EventCache:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

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
