"""WebSockets and server-sent events between a visitor and the API, through nginx."""

import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from auren_infra.blueprint import describe
from auren_infra.services.model import LIVE_FILES
from tests.sandbox.images.containers import says
from tests.sandbox.images.nginx_configuration.web import Serve, Web
from tests.unit.configuration import settings

pytestmark = pytest.mark.machine

EVENTS = {"Accept": "text/event-stream"}
"""What a browser's EventSource sends."""
IDLE = "proxy_read_timeout 90s;"


def _open(web: Web, path: str, origin: str | None = None, host: str = "aupex.ai") -> ClientConnection:
    """A WebSocket to nginx, at `host` as far as nginx knows."""
    return connect(
        f"ws://{host}{path}",
        sock=socket.create_connection((web.address, 80)),
        origin=None if origin is None else Origin(origin),
        ping_interval=None,
        open_timeout=10,
    )


def _refused(web: Web, path: str, origin: str | None = None, host: str = "aupex.ai") -> tuple[int, dict[str, str]]:
    with pytest.raises(InvalidStatus) as refusal, _open(web, path, origin, host):
        pass
    response = refusal.value.response
    is_json = response.headers["Content-Type"] == "application/json"
    return response.status_code, json.loads(response.body or b"") if is_json else {}


def _client(web: Web) -> httpx.Client:
    return httpx.Client(base_url=f"http://{web.address}", headers={"Host": "aupex.ai"}, timeout=20, trust_env=False)


def _sent(lines: Iterator[str]) -> Iterator[float]:
    return (float(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))


def test_a_websocket_goes_to_the_api_and_back(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming)
    with _open(web, "/api/echo") as connection:
        for message in ("hello", "x" * 200_000, "über 中"):
            connection.send(message)
            assert connection.recv(timeout=10) == message
    with _client(web) as client:
        kept = [client.get("/api/echo").text for _ in range(2)]
    assert kept[0] == kept[1]
    with _open(web, "/api/echo") as connection:
        connection.send("not what was kept for this path")
        assert connection.recv(timeout=10) == "not what was kept for this path"
    logged = [line for line in web.log() if line["path"] == "/api/echo"]
    # nginx notes a connection when it ends, which is after its client has closed it.
    assert sorted(line["status"] for line in logged) == [101, 101, 200, 200]


def test_a_websocket_stays_open_as_long_as_one_side_speaks(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming, instead={IDLE: "proxy_read_timeout 2s;"})
    with _open(web, "/api/clock?pause=1&count=5") as connection:
        assert list(connection) == [str(number) for number in range(5)]
    with _open(web, "/api/count") as connection:
        for _ in range(5):
            connection.send("one more")
            time.sleep(1)
        connection.send("end")
        assert connection.recv(timeout=10) == "5"
    with _open(web, "/api/echo") as connection, pytest.raises(ConnectionClosed):
        connection.recv(timeout=10)
    assert web.ask("/healthz").status == 200


def test_no_other_upgrade_is_passed_on(serve: Serve, streaming: str) -> None:
    """A request that changes to HTTP/2 in plain text would carry others past every rule."""
    web = serve(streaming=streaming)
    with _client(web) as client:
        for upgrade in ("h2c", "websocket, h2c", "websocketx", "TLS/1.0"):
            smuggled = {"Upgrade": upgrade, "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABk"}
            answer = client.get("/api/upgrade", headers=smuggled)
            assert (answer.status_code, answer.json()["upgrade"]) == (200, None), upgrade
            assert answer.json()["connection"] in (None, ""), upgrade
    assert _refused(web, "/")[0] == 200, "the website has no WebSocket"


def test_a_websocket_is_opened_by_own_pages_and_by_those_that_are_named(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming, corsOrigins='["https://app.example.org", "http://localhost:3000"]')
    own = ("https://aupex.ai", "http://aupex.ai", "https://aupex.ai:8443", None)
    for origin in (*own, "https://app.example.org", "http://localhost:3000"):
        with _open(web, "/api/echo", origin) as connection:
            connection.send("hello")
            assert connection.recv(timeout=10) == "hello", origin
    foreign = (
        "https://evil.example",
        "https://aupex.ai.evil.example",
        "https://evil-aupex.ai",
        "https://www.aupex.ai",
        "https://app.example.org.evil.example",
        "http://app.example.org",
        "http://localhost:3001",
        "https://evil.example/aupex.ai",
        "null",
    )
    for origin in foreign:
        told = {"detail": "pages of other websites may not open this"}
        assert _refused(web, "/api/echo", origin) == (403, told), origin
    with _open(web, "/api/echo", "https://www.aupex.ai", host="www.aupex.ai") as connection:
        connection.send("hello")
        assert connection.recv(timeout=10) == "hello"


def test_an_event_arrives_when_it_is_sent(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming)
    with _client(web) as client, client.stream("GET", "/api/events?pause=1&count=4", headers=EVENTS) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert "content-encoding" not in answer.headers
        waited = [time.monotonic() - sent for sent in _sent(answer.iter_lines())]
    assert len(waited) == 4
    assert max(waited) < 0.9, "each came before the next was sent"


def test_a_stream_of_events_is_never_kept(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming)
    with _client(web) as client:
        first, second = (list(_sent(iter(client.get("/api/events").text.splitlines()))) for _ in range(2))
    assert len(first) == len(second) == 3
    assert not set(first) & set(second)


def test_a_stream_of_events_that_goes_quiet_is_ended(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming, instead={IDLE: "proxy_read_timeout 2s;"})
    with _client(web) as client:
        with client.stream("GET", "/api/events?pause=1&count=5", headers=EVENTS) as answer:
            assert len(list(_sent(answer.iter_lines()))) == 5, "five seconds, but never two without an event"
        with (
            pytest.raises(httpx.RemoteProtocolError),
            client.stream("GET", "/api/events?pause=5&count=2", headers=EVENTS) as answer,
        ):
            list(answer.iter_lines())


def test_open_streams_leave_a_client_its_requests_and_have_a_limit_of_their_own(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming, apiRequestBurst="3")
    with _open(web, "/api/echo") as first, _open(web, "/api/echo") as second, _client(web) as client:
        events = client.send(client.build_request("GET", "/api/events?pause=60", headers=EVENTS), stream=True)
        assert events.status_code == 200
        assert _refused(web, "/api/echo") == (429, {"detail": "too many requests; wait a moment"})
        assert client.get("/api/events", headers=EVENTS).status_code == 429
        assert [client.get("/api/received").status_code for _ in range(5)] == [200] * 5
        events.close()
        for connection in (first, second):
            connection.send("still there")
            assert connection.recv(timeout=10) == "still there"


def test_a_container_that_is_stopped_does_not_wait_for_streams(serve: Serve, streaming: str) -> None:
    """It no longer serves anybody from then on: the wait would be a pause for all visitors."""
    web = serve(streaming=streaming)
    with _open(web, "/api/echo") as connection:
        began = time.monotonic()
        web.nginx.stop(timeout=describe(settings()).by_name["nginx"].stop_grace)
        assert time.monotonic() - began < 10
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)


def test_a_reload_leaves_streams_open_and_ends_them_after_a_time(serve: Serve, streaming: str) -> None:
    web = serve(streaming=streaming, drainSeconds="8")
    with _open(web, "/api/echo") as connection:
        assert says(web.nginx, "nginx", "-c", f"{LIVE_FILES}/nginx.conf", "-s", "reload")[0] == 0
        time.sleep(6)
        connection.send("still there")
        assert connection.recv(timeout=10) == "still there"
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=20)
