"""How far each user has come, in Redis: the last measurement that was worked out. The Bridge writes, the API reads."""

from redis.asyncio import Redis

from auren_backing.biometrics import ClassifiedBiometric


class Checkpoints:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put(self, biometric: ClassifiedBiometric) -> None:
        await self._redis.set(_key(biometric.user_id), biometric.model_dump_json())

    async def get(self, user_id: str) -> ClassifiedBiometric | None:
        stored = await self._redis.get(_key(user_id))
        return None if stored is None else ClassifiedBiometric.model_validate_json(stored)


def _key(user_id: str) -> str:
    return f"checkpoint:{user_id}"
