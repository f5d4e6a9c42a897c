"""An answer that takes its time says first how long it will be."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.unit.stand_ins.conftest import Run


@pytest.fixture
def app(modules: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    download = modules("auren_api.download")
    monkeypatch.setattr(download.asyncio, "sleep", _at_once)
    app = FastAPI()
    app.include_router(download.download_routes())
    return app


async def _at_once(_: float) -> None:
    """No test waits."""


def test_as_many_parts_come_as_its_length_says(app: FastAPI, run: Run[httpx.Response]) -> None:
    async def get(query: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            return await client.get(f"/api/download{query}")

    for query, seconds in (("", 30), ("?seconds=1", 1), ("?seconds=60", 60)):
        answer = run(get(query))
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) == len(answer.content) == seconds * 2 * 65536
    assert run(get("?seconds=61")).status_code == run(get("?seconds=0")).status_code == 422
