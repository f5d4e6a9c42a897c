"""Measurements as they are worked out, for whoever listens: as events, and over a WebSocket."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.unit.stand_ins.conftest import Run

Modules = Callable[[str], Any]


class Server:
    """The API's routes for listeners, served on a port of this machine."""

    def __init__(self, modules: Modules) -> None:
        self.live = modules("auren_api.live").Live()
        self._measurement = modules("auren_backing.biometrics").ClassifiedBiometric
        app = FastAPI()
        app.include_router(modules("auren_api.biometrics").live_routes(self.live))
        modules("auren_backing.refusals").answer_refusals(app)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}/api/biometrics/live"
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._loop.run_until_complete(self._server.serve(sockets=[self._listener]))
        self._loop.close()

    def measurement(self, user: str, value: float = 1) -> Any:
        number = "00000000-0000-4000-8000-000000000001"
        moment = "2026-01-01T00:00:00Z"
        return self._measurement(
            id=number, user_id=user, metric="hrv", value=value, recorded_at=moment, classification="normal"
        )

    def tell(self, user: str, *, listeners: int = 1) -> None:
        """A measurement of this user was worked out, while so many listen."""
        deadline = time.monotonic() + 10
        while len(self.live._queues) != listeners:
            assert time.monotonic() < deadline, f"{len(self.live._queues)} listen, not {listeners}"
            time.sleep(0.01)
        self._loop.call_soon_threadsafe(self.live.tell, self.measurement(user))

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def server(modules: Modules) -> Iterator[Server]:
    server = Server(modules)
    yield server
    server.stop()


def _users(lines: Iterator[str]) -> Iterator[str]:
    return (json.loads(line.removeprefix("data: "))["user_id"] for line in lines if line.startswith("data: "))


def test_events_are_those_of_all_users_or_of_one(server: Server) -> None:
    with httpx.Client(timeout=10, trust_env=False) as client:
        for query, expected in (("", "eve"), ("?user_id=ada", "ada")):
            with client.stream("GET", f"http://{server.address}{query}") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                for user in ("eve", "ada"):
                    server.tell(user)
                assert next(_users(answer.iter_lines())) == expected
            server.tell("nobody", listeners=0)


def test_a_websocket_has_all_users_until_it_names_one(server: Server) -> None:
    with connect(f"ws://{server.address}", proxy=None) as connection:
        server.tell("eve")
        assert json.loads(connection.recv(timeout=10))["user_id"] == "eve"
        connection.send("ada")
        deadline = time.monotonic() + 10
        while True:  # it counts from some moment after it was sent
            assert time.monotonic() < deadline
            server.tell("eve")
            server.tell("ada")
            if json.loads(connection.recv(timeout=10))["user_id"] == "ada":
                break
            connection.recv(timeout=10)
    server.tell("nobody", listeners=0)


@pytest.mark.parametrize("message", ["", "a\0b", "x" * 129, b"ada", b"\xff"])
def test_a_message_that_names_no_user_ends_the_websocket(server: Server, message: str | bytes) -> None:
    with connect(f"ws://{server.address}", proxy=None) as connection:
        connection.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1007, "no user's id")
    server.tell("nobody", listeners=0)


def test_a_slow_listener_loses_the_oldest_and_delays_nobody(modules: Modules, server: Server, run: Run[Any]) -> None:
    live = modules("auren_api.live").Live()

    async def listen() -> list[float]:
        async with contextlib.aclosing(live.listen()) as measurements:
            first = asyncio.ensure_future(anext(measurements))
            await asyncio.sleep(0)
            for number in range(150):
                live.tell(server.measurement("ada", number))
            return [(await first).value, *[(await anext(measurements)).value for _ in range(99)]]

    assert run(listen()) == [float(number) for number in range(50, 150)]
    assert not live._queues
