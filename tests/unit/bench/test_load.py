"""What is counted of a load, and the visitors themselves, against a server of this process."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from bench import visitors
from bench.load import summed_up
from bench.visitors import Kind, Request, Visitors

Visit = Callable[[Coroutine[Any, Any, tuple[list[Request], int]]], tuple[list[Request], int]]


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Run a coroutine. The thread's own event loop is Pulumi's, and stays as it is."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


def request(kind: Kind, began: float, seconds: float, failure: str = "") -> Request:
    return Request(kind, began, began + seconds, failure)


REQUESTS = [
    request(Kind.NEW, 5, 9, "before it counts"),
    *(request(Kind.NEW, 10 + number / 100, 0.010) for number in range(1000)),
    *(request(Kind.KEPT, 20 + number / 100, 0.030) for number in range(1000)),
    request(Kind.NEW, 31, 7, "after the change"),
    request(Kind.DOWNLOAD, 19, 30, "cut"),
    request(Kind.EVENTS, 20, 20),
]


def test_failures_count_until_the_end_and_speed_is_that_of_the_short_requests() -> None:
    switch = summed_up(REQUESTS, began=10, changed=20, over=30)
    assert switch.requests == {
        "new connections": 1001,
        "kept-alive connections": 1000,
        "30 s downloads": 1,
        "slow uploads": 0,
        "server-sent events": 1,
    }
    assert {kind: count for kind, count in switch.failed.items() if count} == {
        "new connections": 1,
        "30 s downloads": 1,
    }
    assert (switch.before.requests, switch.before.p50, switch.before.p99) == (1000, 10, 10)
    assert (switch.during.requests, switch.during.p50, switch.during.p99) == (1000, 30, 30)
    assert switch.seconds == 10
    assert switch.ratio == 3


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n: hi\n\r\n"
Answers = dict[str, tuple[bytes, float]]
"""By path: what is answered, and the seconds until the connection is closed then; without any, it is kept."""
GOOD: Answers = {
    "/": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0),
    "/api/health": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0),
    "/api/download": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 0),
    "/api/events": (b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 0),
    "/api/biometrics/live": (CHUNKED, 3),
}
BAD: Answers = {
    "/": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 0),
    "/api/health": (b"", 0.01),
    "/api/download": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", 0.01),
    "/api/events": (b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n", 0),
    "/api/biometrics/live": (CHUNKED + b"0\r\n\r\n", 0),
}


async def _visited(answers: Answers, seconds: float) -> tuple[list[Request], int]:
    """The requests, and how many connections they came with."""
    serving: list[asyncio.Task[Any] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: (\d+)", head.lower())
                await reader.readexactly(int(length[1]) if length else 0)
                answer, until_closed = answers[head.split()[1].decode().partition("?")[0]]
                writer.write(answer)
                await writer.drain()
                if until_closed:
                    await asyncio.wait_for(reader.read(), until_closed)
                    break
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Visitors(f"127.0.0.1:{port}", "aupex.ai") as there:
            await asyncio.sleep(seconds)
        await asyncio.gather(*filter(None, serving))
    return there.requests, len(serving)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "UPLOAD_SECONDS", 1)
    monkeypatch.setattr(visitors, "LISTEN_SECONDS", 0.5)


def test_visitors_of_all_kinds_come_and_only_some_keep_their_connection(visit: Visit) -> None:
    requests, connections = visit(_visited(GOOD, 1.1))
    assert {request.kind for request in requests} == set(Kind)
    assert [request for request in requests if request.failure] == []
    kept = [request for request in requests if request.kind is Kind.KEPT]
    assert len(kept) > 8
    assert connections == len(requests) - len(kept) + 4


def test_an_answer_that_is_wrong_cut_or_missing_is_a_failure_of_each_kind(visit: Visit) -> None:
    requests, _ = visit(_visited(BAD, 0.3))
    assert {request.kind for request in requests if request.failure} == set(Kind)
    assert [request for request in requests if not request.failure] == []


def test_a_stream_that_says_nothing_is_a_failure(visit: Visit) -> None:
    silent = CHUNKED.partition(b"5\r\n")[0]
    requests, _ = visit(_visited({**GOOD, "/api/biometrics/live": (silent, 3)}, 0.1))
    assert {request.kind for request in requests if request.failure} == {Kind.EVENTS}
