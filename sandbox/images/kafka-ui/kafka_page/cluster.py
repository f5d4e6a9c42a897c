"""What a cluster says about itself when it is asked: brokers, topics, consumer groups.

Every question opens connections of its own and closes them: nothing is remembered, so nothing shown can be stale, and a
broker that comes back needs no notice.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

ANSWER_SECONDS = 4
"""For all that one question needs; the health check that asks gives up after five."""

UNREACHABLE = (KafkaError, OSError, TimeoutError)


@dataclass(frozen=True)
class Broker:
    id: int
    host: str
    port: int
    is_controller: bool


@dataclass(frozen=True)
class Partition:
    id: int
    leader: int
    """The broker's id; -1 when there is none."""
    replicas: int
    in_sync: int
    begin: int
    end: int
    """The offset that the next message gets."""


@dataclass(frozen=True)
class Topic:
    name: str
    internal: bool
    partitions: tuple[Partition, ...]

    @property
    def replication_factor(self) -> int:
        return max((partition.replicas for partition in self.partitions), default=0)

    @property
    def under_replicated(self) -> int:
        return sum(partition.in_sync < partition.replicas for partition in self.partitions)

    @property
    def messages(self) -> int:
        """Between the first and the last offset; a compacted topic holds fewer."""
        return sum(partition.end - partition.begin for partition in self.partitions)


@dataclass(frozen=True)
class Group:
    name: str
    state: str
    members: int
    lag: dict[str, int]
    """By topic: messages that are there and that the group has not committed."""


@dataclass(frozen=True)
class Overview:
    """What one Metadata request tells."""

    brokers: tuple[Broker, ...]
    topics: tuple[str, ...]
    partitions_online: int


class Cluster:
    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers

    async def overview(self) -> Overview:
        async with asyncio.timeout(ANSWER_SECONDS), self._admin() as admin:
            return await _overview(admin)

    async def topics(self) -> tuple[Topic, ...]:
        """By name, with their offsets."""
        async with asyncio.timeout(ANSWER_SECONDS), self._admin() as admin, self._consumer() as consumer:
            return await _topics(admin, consumer)

    async def everything(self) -> tuple[Overview, tuple[Topic, ...], tuple[Group, ...]]:
        async with asyncio.timeout(ANSWER_SECONDS), self._admin() as admin, self._consumer() as consumer:
            topics = await _topics(admin, consumer)
            return await _overview(admin), topics, await _groups(admin, topics)

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, request_timeout_ms=ANSWER_SECONDS * 1000)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of no group and no topic: it knows how to ask every partition's leader for offsets."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, request_timeout_ms=ANSWER_SECONDS * 1000)
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


async def _overview(admin: AIOKafkaAdminClient) -> Overview:
    cluster, topics = await admin.describe_cluster(), await admin.describe_topics()
    return Overview(
        brokers=tuple(
            Broker(broker["node_id"], broker["host"], broker["port"], broker["node_id"] == cluster["controller_id"])
            for broker in sorted(cluster["brokers"], key=lambda broker: broker["node_id"])
        ),
        topics=tuple(sorted(topic["topic"] for topic in topics)),
        partitions_online=sum(partition["leader"] >= 0 for topic in topics for partition in topic["partitions"]),
    )


async def _topics(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> tuple[Topic, ...]:
    described = sorted(await admin.describe_topics(), key=lambda topic: topic["topic"])
    # A partition without a leader has nobody to ask.
    led = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
        if partition["leader"] >= 0
    ]
    begins, ends = await consumer.beginning_offsets(led), await consumer.end_offsets(led)

    def partition_of(topic: str, said: dict) -> Partition:
        place = TopicPartition(topic, said["partition"])
        return Partition(
            id=said["partition"],
            leader=said["leader"],
            replicas=len(said["replicas"]),
            in_sync=len(said["isr"]),
            begin=begins.get(place, 0),
            end=ends.get(place, 0),
        )

    return tuple(
        Topic(
            name=topic["topic"],
            internal=topic["is_internal"],
            partitions=tuple(
                partition_of(topic["topic"], partition)
                for partition in sorted(topic["partitions"], key=lambda partition: partition["partition"])
            ),
        )
        for topic in described
    )


async def _groups(admin: AIOKafkaAdminClient, topics: Iterable[Topic]) -> tuple[Group, ...]:
    ends = {TopicPartition(topic.name, each.id): each.end for topic in topics for each in topic.partitions}
    groups: list[Group] = []
    for name in sorted(name for name, _ in await admin.list_consumer_groups()):
        (response,) = await admin.describe_consumer_groups([name])
        (described,) = response.to_object()["groups"]
        lag: dict[str, int] = {}
        for place, committed in (await admin.list_consumer_group_offsets(name)).items():
            if place in ends:
                lag[place.topic] = lag.get(place.topic, 0) + max(0, ends[place] - committed.offset)
        groups.append(Group(name, described["state"], len(described["members"]), lag))
    return tuple(groups)
