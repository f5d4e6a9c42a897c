"""Messages into Kafka, acknowledged by every replica that is in step before anybody is told so."""

import asyncio
import contextlib
import logging

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from auren_backing.biometrics import Biometric
from auren_backing.environment import KafkaSettings

log = logging.getLogger(__name__)

REQUEST_MILLISECONDS = 5000
"""How long a message may wait for its acknowledgement; a client is waiting too."""
STOP_SECONDS = 3


class Publisher:
    """Connects when it is first used, and anew after a failure.

    An idempotent producer numbers its messages; after one whose fate is unknown the numbers cannot be trusted, so
    that producer is given up.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, biometric: Biometric) -> None:
        """Returns when Kafka has the message; raises `KafkaError` when that is not known.

        The key is the user: one user's messages keep their order.
        """
        producer = await self._started()
        try:
            await producer.send_and_wait(
                self._topic, biometric.model_dump_json().encode(), key=biometric.user_id.encode()
            )
        except BaseException:
            if self._producer is producer:
                self._producer = None
                await _stop(producer)
            raise

    async def check(self) -> None:
        """A metadata request to a broker, which must know the topic: nothing here makes topics."""
        producer = await self._started()
        metadata = await producer.client.fetch_all_metadata()
        if self._topic not in metadata.topics():
            raise KafkaError(f"there is no topic {self._topic}")

    async def close(self) -> None:
        if self._producer is not None:
            await _stop(self._producer)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._settings.bootstrap_servers,
                    enable_idempotence=True,
                    acks="all",
                    request_timeout_ms=REQUEST_MILLISECONDS,
                )
                try:
                    await producer.start()
                except BaseException:
                    await _stop(producer)
                    raise
                self._producer = producer
            return self._producer


async def _stop(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            await producer.stop()
