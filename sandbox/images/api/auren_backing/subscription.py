"""A topic's messages to a handler, at least once each: an offset is committed after its message was handled."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import CommitFailedError, KafkaError
from pydantic import BaseModel, ValidationError

from auren_backing.environment import KafkaSettings
from auren_backing.topics import RETRY_MILLISECONDS

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1
"""Between a failure and the next attempt."""
SESSION_MILLISECONDS = 6000
"""After so long without a sign of life a consumer's partitions go to another; the least that a broker allows."""
BATCH = 50
"""Messages between two commits: so many at most are handled again after a cut."""

Message = TypeVar("Message", bound=BaseModel)


class Subscription(Generic[Message]):
    """Runs as a task for as long as the service does; whatever fails is tried again from the last committed offset."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        topic: str,
        group: str,
        message: type[Message],
        handle: Callable[[Message], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._group = group
        self._message = message
        self._handle = handle
        self._fault = "has not started yet"

    async def check(self) -> None:
        if self._fault:
            raise RuntimeError(f"the consumer of {self._topic} {self._fault}")

    async def run(self) -> None:
        while True:
            try:
                await self._consume()
            except Exception as error:  # whatever it is, it must not end the service's work for good
                self._fault = f"failed and is tried again: {type(error).__name__}: {error}"
                log.warning("the consumer of %s %s", self._topic, self._fault)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap_servers,
            group_id=self._group,
            enable_auto_commit=False,
            # A group without an offset begins at the beginning: what came before its first start counts too.
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MILLISECONDS,
            heartbeat_interval_ms=SESSION_MILLISECONDS // 3,
            retry_backoff_ms=RETRY_MILLISECONDS,
        )
        try:
            await consumer.start()
            # Subscribed to a topic that does not exist yet, it would look again only minutes later.
            if self._topic not in await consumer.topics():
                raise KafkaError(f"there is no topic {self._topic}")
            consumer.subscribe([self._topic])
            self._fault = ""
            while True:
                batch = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
                for records in batch.values():
                    for record in records:
                        await self._handle_record(record)
                if batch:
                    await self._commit(consumer)
        finally:
            await consumer.stop()

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """A member that joins the group or leaves it makes all others join again, which the consumer does by itself.

        Until then no commit is taken. Nothing is wrong with this member, and its messages are handled again.
        """
        try:
            await consumer.commit()
        except CommitFailedError:
            log.info("the group of the consumer of %s changes: what was not committed is read again", self._topic)

    async def _handle_record(self, record: ConsumerRecord) -> None:
        try:
            message = self._message.model_validate_json(record.value or b"")
        except ValidationError as error:
            # It will not get better: without passing it over, nothing behind it would ever be handled.
            place = f"{record.topic}/{record.partition}@{record.offset}"
            log.error("%s is no %s and is passed over: %s", place, self._message.__name__, error)
            return
        await self._handle(message)
