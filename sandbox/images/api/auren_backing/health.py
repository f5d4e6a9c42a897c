"""The answer to a health check: every dependency asked side by side, with a verdict each."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi.responses import JSONResponse

CHECK_SECONDS = 3
"""How long each dependency has to answer."""


async def health(checks: Mapping[str, Callable[[], Awaitable[object]]]) -> JSONResponse:
    """200 only when all succeed; else 503 and which failed."""
    verdicts = await asyncio.gather(*(_verdict(check()) for check in checks.values()))
    healthy = all(verdict == "ok" for verdict in verdicts)
    return JSONResponse(
        {"status": "ok" if healthy else "unavailable", "checks": dict(zip(checks, verdicts, strict=True))},
        status_code=200 if healthy else 503,
    )


async def _verdict(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check
    except Exception as error:  # whatever it is, it is the answer to the question
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return "ok"
