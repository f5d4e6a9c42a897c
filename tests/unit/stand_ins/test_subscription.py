"""The stand-ins' consumer while its group gets or loses a member: nothing is lost, and nobody is told of a fault."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from tests.unit.stand_ins.conftest import Run

Modules = Callable[[str], Any]
TOPIC = "events"


class Number(BaseModel):
    value: int


class Record:
    topic, partition = TOPIC, 0

    def __init__(self, offset: int) -> None:
        self.offset, self.value = offset, f'{{"value": {offset}}}'.encode()


class Broker:
    """A topic of three messages, and a group that takes a commit or refuses it, as it is told."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.committed = 0
        self.consumers: list[str] = []
        """What became of each."""

    def consumer(self, **_: object) -> "Consumer":
        self.consumers.append("started")
        return Consumer(self)


class Consumer:
    def __init__(self, broker: Broker) -> None:
        self._broker, self._position = broker, broker.committed

    async def start(self) -> None: ...

    async def topics(self) -> set[str]:
        return {TOPIC}

    def subscribe(self, _: object) -> None: ...

    async def getmany(self, **_: object) -> dict[str, list[Record]]:
        await asyncio.sleep(0)
        batch = [Record(offset) for offset in range(self._position, 3)]
        self._position = 3
        return {"events-0": batch} if batch else {}

    async def commit(self) -> None:
        if self._broker.refusals:
            self._position = self._broker.committed  # it has joined again
            raise self._broker.refusals.pop()
        self._broker.committed = self._position

    async def stop(self) -> None:
        self._broker.consumers[-1] = "stopped"


@pytest.fixture
def consumed(modules: Modules, run: Run[Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[Broker], Any]:
    """`consumed(broker)`: what was handled until the topic was read to its end, and the faults that were seen."""
    module = modules("auren_backing.subscription")
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)

    async def consume(broker: Broker) -> tuple[list[int], list[str]]:
        handled: list[int] = []
        faults: list[str] = []

        async def handle(number: Number) -> None:
            handled.append(number.value)

        settings = modules("auren_backing.environment").KafkaSettings("kafka:9092")
        subscription = module.Subscription(settings, topic=TOPIC, group="api", message=Number, handle=handle)
        task = asyncio.create_task(subscription.run())
        await asyncio.sleep(0)
        while broker.committed < 3:
            try:
                await subscription.check()
            except RuntimeError as fault:
                faults.append(str(fault))
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return handled, faults

    def start(broker: Broker) -> tuple[list[int], list[str]]:
        monkeypatch.setattr(module, "AIOKafkaConsumer", broker.consumer)
        return run(asyncio.wait_for(consume(broker), 10))

    return start


def test_a_member_that_joins_or_leaves_the_group_is_no_fault(
    modules: Modules, consumed: Callable[[Broker], tuple[list[int], list[str]]]
) -> None:
    """It was: the health check of the container that runs failed when another one beside it had died."""
    refused = modules("aiokafka.errors").CommitFailedError
    broker = Broker(refused("the group has already rebalanced"), refused("the group has already rebalanced"))
    handled, faults = consumed(broker)
    assert [fault for fault in faults if "has not started yet" not in fault] == []
    assert handled == [0, 1, 2] * 3, "what was not committed is handled again"
    assert broker.consumers == ["stopped"], "a consumer that leaves the group makes it begin once more"


def test_another_fault_of_a_commit_is_told_and_tried_again_with_another_consumer(
    modules: Modules, consumed: Callable[[Broker], tuple[list[int], list[str]]]
) -> None:
    broker = Broker(modules("aiokafka.errors").GroupAuthorizationFailedError("api"))
    handled, faults = consumed(broker)
    assert any("failed and is tried again: GroupAuthorizationFailedError" in fault for fault in faults)
    assert handled == [0, 1, 2] * 2
    assert broker.consumers == ["stopped", "stopped"]
