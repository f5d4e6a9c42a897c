"""The answer to a health check: every dependency is asked side by side, and each gets a verdict.

The answer is public, so a verdict is one word. The reason is in the log, once for each change.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from fastapi.responses import JSONResponse

log = logging.getLogger(__name__)

CHECK_SECONDS = 3
"""How long each dependency has to answer."""


class Health:
    def __init__(self, checks: Mapping[str, Callable[[], Awaitable[object]]]) -> None:
        self._checks = checks
        self._failing: dict[str, str] = {}
        """What each failing dependency failed with last."""

    async def answer(self) -> JSONResponse:
        """200 only when all succeed; else 503 and which failed."""
        oks = await asyncio.gather(*(self._ok(name, check) for name, check in self._checks.items()))
        checks = {name: "ok" if ok else "unavailable" for name, ok in zip(self._checks, oks, strict=True)}
        return JSONResponse(
            {"status": "ok" if all(oks) else "unavailable", "checks": checks}, status_code=200 if all(oks) else 503
        )

    async def _ok(self, name: str, check: Callable[[], Awaitable[object]]) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except Exception as error:  # whatever it is, it is the answer to the question
            kind = type(error).__name__
            if self._failing.get(name) != kind:
                log.warning("%s is unavailable: %s: %s", name, kind, error)
            self._failing[name] = kind
            return False
        if self._failing.pop(name, None):
            log.warning("%s is available again", name)
        return True
