"""Runs in the API's container, with its libraries: writes to all four stores until somebody pulls the plug.

Its argument is the run's name. After each acknowledgement, and only then, it prints a line of JSON: what was
acknowledged, by which store, when. A store that fails is written to no more; the others go on.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

CHROMA = "/api/v2/tenants/default_tenant/databases/default_database/collections"
PAUSE_SECONDS = 0.01
"""The machine has other work, too."""


def secret(name: str) -> str:
    return Path(os.environ[name]).read_text().strip()


async def postgres(run: str) -> AsyncIterator[Sequence[str]]:
    connection = await psycopg.AsyncConnection.connect(
        host=os.environ["POSTGRES_HOST"],
        dbname=os.environ["POSTGRES_DB"],
        user=os.environ["POSTGRES_USER"],
        password=secret("POSTGRES_PASSWORD_FILE"),
        autocommit=True,
    )
    await connection.execute("CREATE TABLE IF NOT EXISTS durability (run text, name text, PRIMARY KEY (run, name))")
    for number in itertools.count():
        await connection.execute("INSERT INTO durability VALUES (%s, %s)", (run, str(number)))
        yield [str(number)]


async def redis(run: str) -> AsyncIterator[Sequence[str]]:
    client = Redis(host=os.environ["REDIS_HOST"], password=secret("REDIS_PASSWORD_FILE"), socket_timeout=5)
    for number in itertools.count():
        await client.set(f"durability:{run}:{number}", "kept")
        yield [str(number)]


async def chromadb(run: str) -> AsyncIterator[Sequence[str]]:
    """In hundreds: after a thousand records Chroma rewrites its index, which is what a cut may hurt."""
    host = f"http://{os.environ['CHROMA_HOST']}:{os.environ['CHROMA_PORT']}"
    async with httpx.AsyncClient(base_url=host, timeout=10) as client:
        made = await client.post(CHROMA, json={"name": f"durability-{run}", "get_or_create": True})
        collection = made.raise_for_status().json()["id"]
        for first in itertools.count(step=100):
            numbers = range(first, first + 100)
            names = [str(number) for number in numbers]
            records = {"ids": names, "embeddings": [[float(number), 1.0] for number in numbers]}
            (await client.post(f"{CHROMA}/{collection}/upsert", json=records)).raise_for_status()
            yield names


async def kafka(run: str) -> AsyncIterator[Sequence[str]]:
    """Measurements as the API publishes them: the Bridge works them out meanwhile, and again after the cut."""
    producer = AIOKafkaProducer(bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all")
    await producer.start()
    while True:
        name = str(uuid4())
        biometric = {
            "id": name,
            "user_id": run,
            "metric": "heart_rate",
            "value": 61.0,
            "recorded_at": datetime.now(UTC).isoformat(),
        }
        await producer.send_and_wait("biometric.events", json.dumps(biometric).encode(), key=run.encode())
        yield [name]


async def report(store: str, acknowledged: AsyncIterator[Sequence[str]]) -> None:
    try:
        async for names in acknowledged:
            now = time.time()
            for name in names:
                print(json.dumps({"store": store, "name": name, "at": now}), flush=True)
            await asyncio.sleep(PAUSE_SECONDS)
    except Exception as error:  # the store goes down, and that is what is wanted
        print(f"{store}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


async def main() -> None:
    writers = {"postgres": postgres, "redis": redis, "chromadb": chromadb, "kafka": kafka}
    async with asyncio.TaskGroup() as group:
        for store, writer in writers.items():
            group.create_task(report(store, writer(sys.argv[1])))


asyncio.run(main())
