"""The one way that Redis is connected to."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from auren_backing.environment import RedisSettings


def connect(settings: RedisSettings) -> Redis:
    """A client that connects when it is first used; nothing is asked of Redis here."""
    return Redis(
        host=settings.host,
        port=settings.port,
        password=settings.password,
        socket_connect_timeout=2,
        socket_timeout=2,
        # A connection that was idle is asked first, so that a restart of Redis goes unnoticed.
        health_check_interval=5,
        # Once: whoever asks waits meanwhile, and knows what to do without Redis.
        retry=Retry(NoBackoff(), 1),
    )
