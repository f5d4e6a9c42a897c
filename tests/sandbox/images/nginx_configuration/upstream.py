"""An API that the tests run themselves, on this machine's address in the containers' network: one that streams."""

import asyncio
import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

COOKIE = 4000
"""Bytes of a `Set-Cookie` line; a browser takes 4096 of a cookie."""


def create_app() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/api/headers")
    def headers(size: int) -> Response:
        """An answer with about `size` bytes of headers, as cookies."""
        answer = Response("sent")
        for number in range(-(-size // COOKIE)):
            length = min(COOKIE, size - number * COOKIE)
            answer.raw_headers.append((b"set-cookie", b"c=" + b"x" * max(length - len("set-cookie: c=\r\n"), 1)))
        return answer

    @app.get("/api/received")
    def received(request: Request) -> dict[str, int]:
        """How much of the request's URL and headers arrived."""
        values = {name: len(value) for name, value in request.headers.items()}
        return {"query": len(request.url.query), **values}

    @app.get("/api/upgrade")
    def upgrade(request: Request) -> dict[str, str | None]:
        return {name: request.headers.get(name) for name in ("upgrade", "connection", "http2-settings")}

    @app.api_route("/api/events", methods=["GET", "POST"])
    async def events(pause: float = 0.0, count: int = 3) -> StreamingResponse:
        """An event every `pause` seconds, each with the time when it was sent."""

        async def send() -> AsyncIterator[str]:
            for number in range(count):
                yield f"id: {number}\ndata: {time.monotonic()}\n\n"
                await asyncio.sleep(pause)

        return StreamingResponse(send(), media_type="text/event-stream")

    @app.get("/api/echo")
    def kept() -> Response:
        """What may be kept for others, at the path of a WebSocket."""
        return Response(str(time.monotonic()), headers={"Cache-Control": "max-age=600"})

    @app.websocket("/api/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text(await websocket.receive_text())

    @app.websocket("/api/count")
    async def count(websocket: WebSocket) -> None:
        """Says nothing until it is told the end; then how many messages came before."""
        await websocket.accept()
        received = 0
        while await websocket.receive_text() != "end":
            received += 1
        await websocket.send_text(str(received))
        await websocket.close()

    @app.websocket("/api/clock")
    async def clock(websocket: WebSocket, pause: float = 0.5, count: int = 10) -> None:
        """Says something every `pause` seconds, whether it is asked or not."""
        await websocket.accept()
        for number in range(count):
            await websocket.send_text(str(number))
            await asyncio.sleep(pause)
        await websocket.close()

    return app


@contextlib.contextmanager
def running(address: str) -> Iterator[str]:
    """The API on a free port of `address`; gives `ADDRESS:PORT`."""
    listener = socket.create_server((address, 0))
    # No pings: what keeps a stream open has to be the stream itself.
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(),
            log_config=None,
            h11_max_incomplete_event_size=256 * 1024,  # more than nginx lets through
            ws_ping_interval=None,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"{address}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@contextlib.contextmanager
def saying(address: str, answer: bytes) -> Iterator[str]:
    """What answers everybody with these bytes, on a free port of `address`; gives `ADDRESS:PORT`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer((address, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{address}:{server.server_address[1]}"
        server.shutdown()
