"""An answer that takes its time, as a large file on a slow line does."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

PAUSE_SECONDS = 0.5
PART = b"auren..." * 8192


def download_routes() -> APIRouter:
    router = APIRouter(prefix="/api/download")

    @router.get("")
    async def download(seconds: Annotated[int, Query(ge=1, le=60)] = 30) -> StreamingResponse:
        """64 KB every half a second, for so many seconds. The length is told first, so a cut is noticed."""
        parts = int(seconds / PAUSE_SECONDS)

        async def content() -> AsyncGenerator[bytes, None]:
            for _ in range(parts):
                yield PART
                await asyncio.sleep(PAUSE_SECONDS)

        return StreamingResponse(
            content(), media_type="application/octet-stream", headers={"Content-Length": str(parts * len(PART))}
        )

    return router
