"""Events in PostgreSQL."""

import psycopg
from auren_backing.postgres import Database
from psycopg.rows import class_row

from auren_api.events import Event, NewEvent

TABLE = "events"
STATEMENT = """
CREATE TABLE IF NOT EXISTS events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    text NOT NULL,
    type       text NOT NULL,
    value      double precision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""


class EventStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, event: NewEvent) -> Event:
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(Event)) as cursor,
        ):
            await cursor.execute(
                "INSERT INTO events (user_id, type, value) VALUES (%s, %s, %s) RETURNING *",
                (event.user_id, event.type, event.value),
            )
            stored = await cursor.fetchone()
        if stored is None:
            raise psycopg.OperationalError("INSERT … RETURNING returned nothing")
        return stored

    async def get(self, event_id: int) -> Event | None:
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(Event)) as cursor,
        ):
            await cursor.execute("SELECT * FROM events WHERE id = %s", (event_id,))
            return await cursor.fetchone()

    async def latest(self, limit: int) -> list[Event]:
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(Event)) as cursor,
        ):
            await cursor.execute("SELECT * FROM events ORDER BY id DESC LIMIT %s", (limit,))
            return await cursor.fetchall()
