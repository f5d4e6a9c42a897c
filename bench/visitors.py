"""Visitors of the website and the API at a steady pace, of five kinds. All come through nginx.

Each request begins at its time, whether earlier ones were answered or not. So a server that hangs for a while delays
all requests of that while, and not a single one.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple

import httpx

PAGES = ("/", "/api/health")
"""What the short requests ask for, in turns."""
DOWNLOAD_SECONDS = 30
UPLOAD_SECONDS = 10
LISTEN_SECONDS = 20
EVENT = b'{"user_id": "bench", "type": "heart_rate", "value": 60}'
BLANK = b" " * 1024
KEPT_CONNECTIONS = 4
STREAM = {"Accept": "text/event-stream"}


class Kind(StrEnum):
    NEW = "new connections"
    KEPT = "kept-alive connections"
    DOWNLOAD = "30 s downloads"
    UPLOAD = "slow uploads"
    EVENTS = "server-sent events"


PACE: Mapping[Kind, float] = {Kind.NEW: 12, Kind.KEPT: 12, Kind.DOWNLOAD: 0.5, Kind.UPLOAD: 0.5, Kind.EVENTS: 0.5}
"""How many begin in a second."""
SHORT = (Kind.NEW, Kind.KEPT)
"""Those whose seconds say how fast the server answers. The others take as long as they were told to."""


class Request(NamedTuple):
    kind: Kind
    began: float
    ended: float
    failure: str
    """Empty: it was answered as it should be, to the end."""


class WrongAnswerError(Exception):
    """The answer was not what it should be."""


@dataclass
class Visitors:
    """While the context is open, new ones come. At its end those that are there are waited for.

    `requests` has what has ended.
    """

    address: str
    host: str

    def __post_init__(self) -> None:
        self.requests: list[Request] = []
        base = {"base_url": f"http://{self.address}", "headers": {"Host": self.host}, "timeout": 20, "trust_env": False}
        never_kept = httpx.Limits(max_keepalive_connections=0)
        self._new = httpx.AsyncClient(**base, limits=never_kept)
        self._kept = [httpx.AsyncClient(**base) for _ in range(KEPT_CONNECTIONS)]
        self._next_kept = itertools.cycle(self._kept)
        self._pages = {kind: itertools.cycle(PAGES) for kind in SHORT}
        self._paces: list[asyncio.Task[None]] = []
        self._present: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Visitors":
        visits: dict[Kind, Callable[[], Awaitable[None]]] = {
            Kind.NEW: lambda: self._ask(self._new, Kind.NEW),
            Kind.KEPT: lambda: self._ask(next(self._next_kept), Kind.KEPT),
            Kind.DOWNLOAD: self._download,
            Kind.UPLOAD: self._upload,
            Kind.EVENTS: self._listen,
        }
        self._paces = [asyncio.create_task(self._come(kind, visit)) for kind, visit in visits.items()]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pace in self._paces:
            pace.cancel()
        await asyncio.gather(*self._paces, return_exceptions=True)
        await asyncio.gather(*self._present)
        for client in (self._new, *self._kept):
            await client.aclose()

    async def _come(self, kind: Kind, visit: Callable[[], Awaitable[None]]) -> None:
        began = time.perf_counter()
        for number in itertools.count():
            await asyncio.sleep(began + number / PACE[kind] - time.perf_counter())
            task = asyncio.create_task(self._visit(kind, visit))
            self._present.add(task)
            task.add_done_callback(self._present.discard)

    async def _visit(self, kind: Kind, visit: Callable[[], Awaitable[None]]) -> None:
        began, failure = time.perf_counter(), ""
        try:
            await visit()
        except (httpx.HTTPError, WrongAnswerError) as error:
            failure = f"{type(error).__name__}: {error}"
        self.requests.append(Request(kind, began, time.perf_counter(), failure))

    async def _ask(self, client: httpx.AsyncClient, kind: Kind) -> None:
        _expect(await client.get(next(self._pages[kind])), 200)

    async def _download(self) -> None:
        """httpx raises an error when the answer is shorter than it said."""
        async with self._new.stream("GET", "/api/download", params={"seconds": DOWNLOAD_SECONDS}) as answer:
            _expect(answer, 200)
            async for _ in answer.aiter_raw():
                pass

    async def _upload(self) -> None:
        length = {"Content-Length": str(UPLOAD_SECONDS * len(BLANK) + len(EVENT)), "Content-Type": "application/json"}
        _expect(await self._new.post("/api/events", content=_slowly(), headers=length), 201)

    async def _listen(self) -> None:
        parameters, received = {"user_id": "bench"}, 0
        try:
            async with (
                asyncio.timeout(LISTEN_SECONDS),
                self._new.stream("GET", "/api/biometrics/live", params=parameters, headers=STREAM) as answer,
            ):
                _expect(answer, 200)
                async for part in answer.aiter_raw():
                    received += len(part)
        except TimeoutError:
            if not received:
                raise WrongAnswerError(f"nothing within {LISTEN_SECONDS} s") from None
        else:
            raise WrongAnswerError("the stream was ended by the server")


async def _slowly() -> AsyncIterator[bytes]:
    for _ in range(UPLOAD_SECONDS):
        yield BLANK
        await asyncio.sleep(1)
    yield EVENT


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise WrongAnswerError(f"status {answer.status_code}")
