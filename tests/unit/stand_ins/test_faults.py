"""Stores that are away, or answer nonsense: told in a word to the public, and with the reason in the log."""

import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.unit.stand_ins.conftest import Ask, Run, asking

Modules = Callable[[str], Any]
INNER = 'could not extend file "base/16384/2619": No space left on device; password=hunter2'


@pytest.fixture
def health(modules: Modules, run: Run[Any]) -> Callable[[Any], tuple[int, dict[str, Any]]]:
    """Asks a `Health` once."""

    def answer(health: Any) -> tuple[int, dict[str, Any]]:
        response = run(health.answer())
        return response.status_code, json.loads(response.body)

    return answer


def test_health_says_which_store_fails_and_the_log_says_why(
    modules: Modules, health: Callable[[Any], tuple[int, dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    error: Exception | None = OSError(INNER)

    async def broken() -> None:
        if error is not None:
            raise error

    async def well() -> None: ...

    made = modules("auren_backing.health").Health({"postgres": broken, "redis": well})
    failing = {"status": "unavailable", "checks": {"postgres": "unavailable", "redis": "ok"}}
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert health(made) == (503, failing)
        assert caplog.messages == [f"postgres is unavailable: OSError: {INNER}"], "once for each change"
        error = ValueError("of another kind")
        assert health(made) == (503, failing)
        error = None
        assert health(made) == (200, {"status": "ok", "checks": {"postgres": "ok", "redis": "ok"}})
        health(made)
    assert caplog.messages[1:] == [
        "postgres is unavailable: ValueError: of another kind",
        "postgres is available again",
    ]


def test_a_store_that_says_nothing_is_unavailable(
    modules: Modules, health: Callable[[Any], tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio = modules("asyncio")

    async def silent() -> None:
        await asyncio.sleep(30)

    module = modules("auren_backing.health")
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.05)
    assert health(module.Health({"kafka": silent}))[1]["checks"] == {"kafka": "unavailable"}


def test_no_public_answer_of_the_api_tells_of_inner_errors(ask: Ask) -> None:
    """Every store is away here."""
    for path in ("/health", "/api/health"):
        answer = ask("GET", path)
        assert answer.status_code == 503
        assert set(answer.json()["checks"].values()) <= {"ok", "unavailable"}


def test_the_bridge_and_the_kafka_page_tell_of_no_inner_errors(
    modules: Modules, environment: dict[str, str], run: Run[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    bridge = asking(modules("auren_bridge.app").create_app(), run)
    answer = bridge("GET", "/health")
    assert answer.status_code == 503
    assert set(answer.json()["checks"].values()) == {"unavailable"}
    settings = modules("kafka_page.settings").Settings(8080, "auren", "127.0.0.1:9")
    page = asking(modules("kafka_page.app").create_app(settings), run)
    overview, topics, clusters = (page("GET", path) for path in ("/", "/api/clusters/auren/topics", "/api/clusters"))
    assert (overview.status_code, topics.status_code, clusters.status_code) == (503, 503, 200)
    assert topics.json() == {"detail": "no broker answers at 127.0.0.1:9"}
    assert clusters.json()[0]["lastError"] == "no broker answers at 127.0.0.1:9"
    assert "no broker answers at 127.0.0.1:9" in overview.text
    for other in ("%00", "%ED%A0%80", "<script>", "x" * 5000):
        answer = page("GET", f"/api/clusters/{other}/topics")
        assert (answer.status_code, answer.json()) == (404, {"detail": "there is no such cluster; there is auren"})
    for app in (bridge, page):
        assert app("POST", "/health", content=b"\xff").status_code in (404, 405)
        assert app("GET", "/docs").status_code == app("GET", "/openapi.json").status_code == 404


@pytest.mark.parametrize(
    ("status", "content"), [(200, b"<html>"), (200, b"\xff"), (200, b'{"id": 1'), (500, b"panicked at src/main.rs")]
)
def test_an_answer_of_chromas_that_is_none_is_as_good_as_no_answer(
    modules: Modules, run: Run[Any], status: int, content: bytes
) -> None:
    chroma = modules("auren_api.chroma")
    collection = chroma.ChromaCollection(modules("auren_api.settings").ChromaSettings("chroma", 8000))
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=content))
    collection._http = httpx.AsyncClient(transport=transport, base_url="http://chroma")
    with pytest.raises(chroma.UNAVAILABLE):
        run(collection.holds(modules("uuid").uuid4()))


def test_a_checkpoint_that_is_none_is_passed_over(modules: Modules, run: Run[Any]) -> None:
    class Redis:
        async def get(self, _: str) -> bytes:
            return b'{"value": NaN'

    assert run(modules("auren_backing.checkpoints").Checkpoints(Redis()).get("ada")) is None


@pytest.mark.parametrize("error", ["DiskFull", "ReadOnlySqlTransaction", "AdminShutdown", "UndefinedTable", "IoError"])
def test_postgresql_that_cannot_work_is_unavailable(modules: Modules, error: str) -> None:
    errors = modules("psycopg").errors
    assert issubclass(getattr(errors, error), modules("auren_backing.postgres").UNAVAILABLE)
    assert not issubclass(errors.NumericValueOutOfRange, modules("auren_backing.postgres").UNAVAILABLE)
