"""Events in PostgreSQL, through a connection pool that outlives restarts of the server."""

import asyncio
import logging

import psycopg
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from auren_api.events import Event, NewEvent
from auren_api.settings import Settings

log = logging.getLogger(__name__)

# PoolTimeout, a full pool or a server that does not answer, is an OperationalError as well.
UNAVAILABLE = (psycopg.OperationalError, psycopg.errors.UndefinedTable)
"""What the store raises while PostgreSQL is away or the table is not made yet."""

TABLE = """
CREATE TABLE IF NOT EXISTS events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    text NOT NULL,
    type       text NOT NULL,
    value      double precision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""


class EventStore:
    def __init__(self, settings: Settings) -> None:
        self._pool = AsyncConnectionPool(
            kwargs={
                "host": settings.postgres_host,
                "port": settings.postgres_port,
                "dbname": settings.postgres_db,
                "user": settings.postgres_user,
                "password": settings.postgres_password,
                "application_name": "auren-api",
                "connect_timeout": 3,
                "autocommit": True,
            },
            min_size=1,
            max_size=10,
            open=False,
            timeout=3,
            # A connection that the server closed in a restart is found out before it is lent, not by a user.
            check=AsyncConnectionPool.check_connection,
            # The pool doubles its pause up to this; a server that was away for long is met again in seconds.
            reconnect_timeout=5,
        )

    async def open(self) -> None:
        """Start connecting; returns at once, with or without a server."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close()

    async def prepare(self) -> None:
        """Make the table, trying each second until PostgreSQL answers."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    await connection.execute(TABLE)
                return
            # Two that make the table in the same moment: one of them is told that it is there already.
            except (psycopg.OperationalError, psycopg.errors.UniqueViolation) as error:
                log.warning("PostgreSQL is not ready, trying again: %s", error)
                await asyncio.sleep(1)

    async def check(self) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("SELECT 1 FROM events LIMIT 1")

    async def add(self, event: NewEvent) -> Event:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
            await cursor.execute(
                "INSERT INTO events (user_id, type, value) VALUES (%s, %s, %s) RETURNING *",
                (event.user_id, event.type, event.value),
            )
            stored = await cursor.fetchone()
        if stored is None:
            raise psycopg.OperationalError("INSERT … RETURNING returned nothing")
        return stored

    async def get(self, event_id: int) -> Event | None:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
            await cursor.execute("SELECT * FROM events WHERE id = %s", (event_id,))
            return await cursor.fetchone()

    async def latest(self, limit: int) -> list[Event]:
        async with self._pool.connection() as connection, connection.cursor(row_factory=class_row(Event)) as cursor:
            await cursor.execute("SELECT * FROM events ORDER BY id DESC LIMIT %s", (limit,))
            return await cursor.fetchall()
