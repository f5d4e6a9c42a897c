"""Tasks that run beside the answering of requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

STOP_SECONDS = 4
"""For leaving in order; a backing service that is away must not hold the end up."""


@contextlib.asynccontextmanager
async def background(*work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
