"""The stand-ins in this process: their own code, with stores that are lists."""

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.unit.configuration import ROOT

FOLDERS = ("api", "bridge", "kafka-ui")
PACKAGES = ("auren_api", "auren_backing", "auren_bridge", "kafka_page")
T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture(scope="module")
def modules() -> Iterator[Callable[[str], Any]]:
    """`modules(name)`: a module of the images. They are packages there, and nowhere else."""
    folders = [str(ROOT / "sandbox/images" / folder) for folder in FOLDERS]
    sys.path[:0] = folders
    yield importlib.import_module
    sys.path[:] = [path for path in sys.path if path not in folders]
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def run() -> Iterator[Run[Any]]:
    """Run a coroutine. The thread's own event loop is Pulumi's, and stays as it is."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


class Stores:
    """Takes what PostgreSQL, Redis, Kafka and Chroma take: texts in UTF-8 without NUL, and finite numbers."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.published: list[Any] = []

    def take(self, thing: Any) -> None:
        for text in (value for value in thing.model_dump().values() if isinstance(value, str)):
            assert "\0" not in text
            text.encode()
        assert abs(thing.value) < float("inf")
        thing.model_dump_json()


@pytest.fixture(scope="module")
def stores() -> Stores:
    return Stores()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    password: Path = tmp_path_factory.mktemp("secrets") / "password"
    password.write_text("hunter2")
    return {
        **dict.fromkeys(("POSTGRES_HOST", "REDIS_HOST", "CHROMA_HOST"), "127.0.0.1"),
        **dict.fromkeys(("POSTGRES_PORT", "REDIS_PORT", "CHROMA_PORT"), "9"),
        **dict.fromkeys(("POSTGRES_DB", "POSTGRES_USER"), "auren"),
        **dict.fromkeys(("POSTGRES_PASSWORD_FILE", "REDIS_PASSWORD_FILE"), str(password)),
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    }


@pytest.fixture(scope="module")
def api(modules: Callable[[str], Any], environment: dict[str, str], stores: Stores) -> Iterator[Any]:
    """The API as an application, with `stores` behind it."""
    app, event = modules("auren_api.app"), modules("auren_api.events").Event
    moment = modules("datetime").datetime.now(modules("datetime").UTC)

    class Events:
        def __init__(self, _: object) -> None: ...

        async def add(self, new: Any) -> Any:
            stores.take(new)
            stores.events.append(event(**new.model_dump(), id=len(stores.events) + 1, created_at=moment))
            return stores.events[-1]

        async def get(self, number: int) -> Any:
            assert 0 < number < 2**63
            return next((one for one in stores.events if one.id == number), None)

        async def latest(self, limit: int) -> list[Any]:
            return stores.events[-limit:]

    class Biometrics:
        def __init__(self, _: object) -> None: ...

        async def get(self, _: object) -> None:
            return None

        async def latest(self, _: int) -> list[Any]:
            return []

    class Cache:
        def __init__(self, _: object) -> None: ...

        async def put(self, one: Any) -> None:
            stores.take(one)

        async def get(self, _: int) -> None:
            return None

    class Publisher:
        def __init__(self, *_: object) -> None: ...

        async def publish(self, biometric: Any) -> None:
            stores.take(biometric)
            stores.published.append(biometric)

        async def check(self) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for name, fake in (
            ("EventStore", Events),
            ("BiometricStore", Biometrics),
            ("EventCache", Cache),
            ("Publisher", Publisher),
        ):
            patch.setattr(app, name, fake)
        yield app.create_app()


Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def ask(api: Any, run: Run[Any]) -> Ask:
    """`ask(method, path, **request)`: the API's answer; what it raises is a 500, as uvicorn makes it."""
    return asking(api, run)


def asking(app: Any, run: Run[Any]) -> Ask:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def exchange(method: str, path: str, **request: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://api", timeout=20) as client:
                return await client.request(method, path, **request)

        return run(one())

    return exchange


Check = Callable[[], Awaitable[object]]
