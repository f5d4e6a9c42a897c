"""Classified biometrics in PostgreSQL: the Bridge writes them, the API reads them."""

from uuid import UUID

from psycopg.rows import class_row

from auren_backing.biometrics import ClassifiedBiometric
from auren_backing.postgres import Database

TABLE = "biometrics"
STATEMENT = """
CREATE TABLE IF NOT EXISTS biometrics (
    id             uuid PRIMARY KEY,
    user_id        text NOT NULL,
    metric         text NOT NULL,
    value          double precision NOT NULL,
    classification text NOT NULL,
    recorded_at    timestamptz NOT NULL
)
"""


class BiometricStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, biometric: ClassifiedBiometric) -> None:
        """Once and for all: a message that Kafka delivers again changes nothing."""
        async with self._database.connection() as connection:
            await connection.execute(
                "INSERT INTO biometrics (id, user_id, metric, value, classification, recorded_at)"
                " VALUES (%(id)s, %(user_id)s, %(metric)s, %(value)s, %(classification)s, %(recorded_at)s)"
                " ON CONFLICT (id) DO NOTHING",
                biometric.model_dump() | {"classification": biometric.classification.value},
            )

    async def get(self, biometric_id: UUID) -> ClassifiedBiometric | None:
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(ClassifiedBiometric)) as cursor,
        ):
            await cursor.execute("SELECT * FROM biometrics WHERE id = %s", (biometric_id,))
            return await cursor.fetchone()

    async def latest(self, limit: int) -> list[ClassifiedBiometric]:
        async with (
            self._database.connection() as connection,
            connection.cursor(row_factory=class_row(ClassifiedBiometric)) as cursor,
        ):
            await cursor.execute("SELECT * FROM biometrics ORDER BY recorded_at DESC, id LIMIT %s", (limit,))
            return await cursor.fetchall()
