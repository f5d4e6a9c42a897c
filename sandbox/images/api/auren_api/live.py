"""Measurements as they are worked out, for everybody who listens."""

import asyncio
from collections.abc import AsyncGenerator

from auren_backing.biometrics import ClassifiedBiometric

WAITING = 100
"""How many measurements wait for a slow listener; then the oldest of them is lost to it."""


class Live:
    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[ClassifiedBiometric]] = set()

    def tell(self, biometric: ClassifiedBiometric) -> None:
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(biometric)

    async def listen(self) -> AsyncGenerator[ClassifiedBiometric, None]:
        """Endless: whoever listens leaves."""
        queue: asyncio.Queue[ClassifiedBiometric] = asyncio.Queue(WAITING)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)
