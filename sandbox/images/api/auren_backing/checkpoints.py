"""How far each user has come, in Redis: the last measurement that was worked out. The Bridge writes, the API reads."""

import logging

from pydantic import ValidationError
from redis.asyncio import Redis

from auren_backing.biometrics import ClassifiedBiometric

log = logging.getLogger(__name__)


class Checkpoints:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, biometric: ClassifiedBiometric) -> None:
        await self._redis.set(_key(biometric.user_id), biometric.model_dump_json())

    async def get(self, user_id: str) -> ClassifiedBiometric | None:
        """None also when what is stored is no checkpoint: the next measurement writes a new one."""
        stored = await self._redis.get(_key(user_id))
        try:
            return None if stored is None else ClassifiedBiometric.model_validate_json(stored)
        except ValidationError as error:
            log.warning("a checkpoint is passed over: %s", error)
            return None


def _key(user_id: str) -> str:
    return f"checkpoint:{user_id}"
