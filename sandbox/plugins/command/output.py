"""What a command prints: kept for its outputs and its error, and shown line by line while it runs."""

import asyncio
import codecs
from typing import Literal, Self

from sandbox.plugins.resource import Log, Severity

Stream = Literal["stdout", "stderr"]


class Output:
    """Collects the two streams of one run. As a context manager it shows the lines; leaving it waits for the last.

    `logging` is `stdout`, `stderr`, `stdoutAndStderr` or `none`: what is shown, never what is kept.
    """

    def __init__(self, log: Log, logging: str) -> None:
        self._log = log
        self._shown: dict[Stream, bool] = {
            "stdout": logging in ("stdout", "stdoutAndStderr"),
            "stderr": logging in ("stderr", "stdoutAndStderr"),
        }
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder("replace") for stream in self._shown}
        self._kept: dict[Stream, list[str]] = {"stdout": [], "stderr": []}
        self._unfinished: dict[Stream, str] = {"stdout": "", "stderr": ""}
        self._both: list[str] = []
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._shower: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._shower = asyncio.create_task(self._show())
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream, rest in self._unfinished.items():
            if rest and self._shown[stream]:
                self._lines.put_nowait(rest)
        self._lines.put_nowait(None)
        if self._shower is not None:
            await self._shower

    def add(self, stream: Stream, data: bytes) -> None:
        """Takes what one stream printed, in the event loop's thread."""
        text = self._decoders[stream].decode(data)
        self._kept[stream].append(text)
        self._both.append(text)
        *lines, self._unfinished[stream] = (self._unfinished[stream] + text).split("\n")
        if self._shown[stream]:
            for line in lines:
                self._lines.put_nowait(line.removesuffix("\r"))

    @property
    def stdout(self) -> str:
        return "".join(self._kept["stdout"]).removesuffix("\n")

    @property
    def stderr(self) -> str:
        return "".join(self._kept["stderr"]).removesuffix("\n")

    @property
    def both(self) -> str:
        """The two streams as they came."""
        return "".join(self._both)

    async def _show(self) -> None:
        while (line := await self._lines.get()) is not None:
            await self._log(Severity.INFO, line)
