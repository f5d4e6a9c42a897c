"""Faults on demand: the next answers on a path fail, to test the retries of a client.

Real clouds sometimes answer with 429 and 5xx, and a provisioning program must retry. Sometimes they carry out a
request, and its answer does not arrive: then a client does not know what it has made. Faults happen only if a test
requests them with `POST /_sandbox/faults`.
"""

import asyncio
import re
import threading
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["refused", "lost", "cut"]


class Fault(BaseModel):
    """The next `times` requests whose path matches `path` fail."""

    model_config = ConfigDict(extra="forbid")

    path: str
    """A regular expression, searched in the whole path, such as `^/v2/droplets$`. For Spaces, the host is before it:
    `^fra1\\.digitaloceanspaces\\.com/auren-backups/`."""
    method: str | None = None
    """Only requests with this method; any when absent."""
    kind: Kind = "refused"
    """`refused`: answered with `status`, and not carried out. `lost`: carried out, and answered with `status`, as by a
    proxy that waited in vain. `cut`: carried out, and the connection ends in the middle of the answer's body."""
    status: Annotated[int, Field(ge=400, le=599)] = 502
    seconds: Annotated[float, Field(ge=0, le=300)] = 0
    """How long nobody answers, when the request is carried out."""
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    skip: Annotated[int, Field(ge=0)] = 0
    """Let this many matching requests through first."""
    retry_after: Annotated[int, Field(ge=0)] | None = None
    """Seconds for the `Retry-After` header; no header when absent."""
    message: str = "injected fault"
    """The answer's message, such as a refusal that this cloud itself never sends."""
    code: int | None = None
    """Cloudflare's number for it; 10001 or 971 when absent."""

    @field_validator("path")
    @classmethod
    def _is_an_expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class Faults:
    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault.model_copy())

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Fault]:
        with self._lock:
            return [fault.model_copy() for fault in self._waiting]

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that answers this request, counted down; None when it is to be carried out."""
        return self._take(method, path, {"refused"})

    def take_after(self, method: str, path: str) -> Fault | None:
        """The fault that happens to the answer of this request, which is carried out, counted down."""
        return self._take(method, path, {"lost", "cut"})

    def _take(self, method: str, path: str, kinds: set[Kind]) -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                if fault.kind not in kinds or (fault.method and fault.method.upper() != method):
                    continue
                if not re.search(fault.path, path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                self._waiting = [each for each in self._waiting if each.times]
                return fault
        return None


def losing_answers(app: ASGIApp, faults: Faults, *, with_host: bool = False) -> ASGIApp:
    """`app`, whose answers get lost when a fault says so. `with_host`: its paths begin with the host, as Spaces' do."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        fault = None
        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode().partition(":")[0] if with_host else ""
            fault = faults.take_after(scope["method"], host + scope["path"])
        if fault is None:
            await app(scope, receive, send)
            return
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await app(scope, receive, keep)
        await asyncio.sleep(fault.seconds)
        start, body = answer[0], b"".join(message.get("body", b"") for message in answer[1:])
        if fault.kind == "lost":
            body = f"<html><body><h1>{fault.status} {fault.message}</h1></body></html>\n".encode()
            headers = [(b"content-type", b"text/html"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": fault.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await send(start)
        # The server closes the connection of an answer that is shorter than it said.
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})

    return asked
