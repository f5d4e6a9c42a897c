"""What the door of Spaces answers by itself, without an object store."""

import asyncio
from pathlib import Path

import httpx
import pytest

from sandbox.clouds.app import open_store
from sandbox.clouds.faults import Faults
from sandbox.clouds.limits import RateLimit
from sandbox.clouds.spaces import object_store
from sandbox.clouds.spaces.door import create_door
from sandbox.clouds.spaces.object_store import ObjectStore, Place
from sandbox.clouds.store import Store

FRA1 = "https://fra1.digitaloceanspaces.com"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "clouds", "aupex.ai")


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """One that ends as soon as it is started."""
    monkeypatch.setattr(object_store, "program", lambda: "/bin/false")
    return ObjectStore(list, Place(tmp_path, tmp_path, tmp_path, 1))


def ask(store: Store, objects: ObjectStore, *urls: str, limit: int = 100) -> list[httpx.Response]:
    async def exchange() -> list[httpx.Response]:
        door = httpx.ASGITransport(create_door(store, objects, Faults(), RateLimit(limit, 60)))
        async with httpx.AsyncClient(transport=door) as client:
            return [await client.get(url) for url in urls]

    return asyncio.run(exchange())


def test_a_name_that_is_no_endpoint_is_refused(store: Store, objects: ObjectStore) -> None:
    (answer,) = ask(store, objects, "https://moon1.digitaloceanspaces.com/")
    assert (answer.status_code, "is not an endpoint of Spaces" in answer.text) == (400, True)


def test_one_address_that_asks_too_much_is_told_to_slow_down(store: Store, objects: ObjectStore) -> None:
    with store.change() as whole:
        whole.digitalocean.buckets["auren-backups"] = "ams3"
    first, second = ask(store, objects, *[f"{FRA1}/auren-backups/key"] * 2, limit=1)
    assert (first.status_code, second.status_code) == (404, 503)
    assert "<Code>SlowDown</Code>" in second.text


def test_an_object_store_that_does_not_start_is_an_answer_with_its_log(store: Store, objects: ObjectStore) -> None:
    (answer,) = ask(store, objects, f"{FRA1}/")
    assert answer.status_code == 503
    assert "<Code>ServiceUnavailable</Code>" in answer.text
    assert "object-store.log" in answer.text
