"""Runs in the API's container, with its libraries: what the stores hold of a run of `write.py`.

Prints JSON: `{STORE: [NAME, …]}`, and under `arrived` those of Kafka's that the Bridge has brought to PostgreSQL.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
import psycopg
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

CHROMA = "/api/v2/tenants/default_tenant/databases/default_database/collections"
TOPIC = "biometric.events"


def secret(name: str) -> str:
    return Path(os.environ[name]).read_text().strip()


async def postgres(run: str) -> dict[str, list[str]]:
    async with await psycopg.AsyncConnection.connect(
        host=os.environ["POSTGRES_HOST"],
        dbname=os.environ["POSTGRES_DB"],
        user=os.environ["POSTGRES_USER"],
        password=secret("POSTGRES_PASSWORD_FILE"),
    ) as connection:
        written = await connection.execute("SELECT name FROM durability WHERE run = %s", (run,))
        names = [name for (name,) in await written.fetchall()]
        arrived = await connection.execute("SELECT id::text FROM biometrics WHERE user_id = %s", (run,))
        return {"postgres": names, "arrived": [name for (name,) in await arrived.fetchall()]}


async def redis(run: str) -> dict[str, list[str]]:
    async with Redis(
        host=os.environ["REDIS_HOST"], password=secret("REDIS_PASSWORD_FILE"), decode_responses=True
    ) as client:
        keys = [key async for key in client.scan_iter(f"durability:{run}:*", count=1000)]
    return {"redis": [key.rpartition(":")[2] for key in keys]}


async def chromadb(run: str) -> dict[str, list[str]]:
    host = f"http://{os.environ['CHROMA_HOST']}:{os.environ['CHROMA_PORT']}"
    async with httpx.AsyncClient(base_url=host, timeout=30) as client:
        collection = (await client.get(f"{CHROMA}/durability-{run}")).raise_for_status().json()["id"]
        found = await client.post(f"{CHROMA}/{collection}/get", json={"include": []})
        return {"chromadb": found.raise_for_status().json()["ids"]}


async def kafka(run: str) -> dict[str, list[str]]:
    """From each partition's beginning to its present end."""
    names: list[str] = []
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    # Of no group, so that it gets all partitions and moves nobody's offsets.
    async with AIOKafkaConsumer(
        TOPIC, bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest"
    ) as consumer:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                messages = (await consumer.getmany(partition, timeout_ms=1000)).get(partition, [])
                ours = (message.value or b"" for message in messages if message.key == run.encode())
                names.extend(json.loads(value)["id"] for value in ours)
    return {"kafka": names}


async def main() -> None:
    run = sys.argv[1]
    parts = await asyncio.gather(postgres(run), redis(run), chromadb(run), kafka(run))
    print(json.dumps({store: names for part in parts for store, names in part.items()}))


asyncio.run(main())
