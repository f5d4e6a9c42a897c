"""Messages into Kafka, acknowledged by every replica that is in step before anybody is told so."""

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from auren_backing.biometrics import Biometric
from auren_backing.environment import KafkaSettings
from auren_backing.topics import RETRY_MILLISECONDS

PUBLISH_SECONDS = 5
"""How long a message may wait for its acknowledgement: a client is waiting too."""
PAUSE_SECONDS = 0.2
"""Between a failure and the next attempt."""
STOP_SECONDS = 3


class Publisher:
    """Connects when it is first used, and anew after a failure.

    The producer is idempotent: it numbers its messages. One that was given up in an outage leaves a gap in the numbers,
    for which the broker then refuses the next; so after any failure a new producer begins to count anew.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, biometric: Biometric) -> None:
        """Returns when Kafka has the message; raises `KafkaError` when that is not known: it may still arrive.

        Should it arrive twice, its id tells. The key is the user: one user's messages keep their order.
        """
        key, value = biometric.user_id.encode(), biometric.model_dump_json().encode()
        reason: KafkaError | None = None
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                while True:
                    try:
                        producer = await self._started()
                        await producer.send_and_wait(self._topic, value, key=key)
                        return
                    except KafkaError as error:
                        reason = error
                        await self.close()
                        await asyncio.sleep(PAUSE_SECONDS)
        except TimeoutError:
            raise KafkaTimeoutError(f"no acknowledgement within {PUBLISH_SECONDS} s: {reason!r}") from None

    async def check(self) -> None:
        """A metadata request to a broker, which must know the topic: nothing here makes topics."""
        producer = await self._started()
        metadata = await producer.client.fetch_all_metadata()
        if self._topic not in metadata.topics():
            raise KafkaError(f"there is no topic {self._topic}")

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._settings.bootstrap_servers,
                    enable_idempotence=True,
                    acks="all",
                    request_timeout_ms=PUBLISH_SECONDS * 1000,
                    retry_backoff_ms=RETRY_MILLISECONDS,
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
