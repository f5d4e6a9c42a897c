"""PostgreSQL through a connection pool that outlives restarts of the server."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import LiteralString

import psycopg
from psycopg.sql import SQL, Identifier
from psycopg_pool import AsyncConnectionPool

from auren_backing.environment import PostgresSettings

log = logging.getLogger(__name__)

# A full disk is an OperationalError as well, and so is PoolTimeout: a full pool, or a server that does not answer.
# A server that only reads raises InternalError.
UNAVAILABLE = (psycopg.OperationalError, psycopg.InternalError, psycopg.errors.UndefinedTable)
"""What a query raises while PostgreSQL is away, cannot write, or has not got the tables yet."""


class Database:
    def __init__(self, settings: PostgresSettings, application: str, tables: Mapping[str, LiteralString]) -> None:
        """`tables`: what the application needs, each name with the statement that makes it where it is missing."""
        self._tables = tables
        self._pool = AsyncConnectionPool(
            kwargs={
                "host": settings.host,
                "port": settings.port,
                "dbname": settings.database,
                "user": settings.user,
                "password": settings.password,
                "application_name": application,
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
        """Make the tables, trying each second until PostgreSQL answers."""
        while True:
            try:
                async with self._pool.connection() as connection:
                    for statement in self._tables.values():
                        await connection.execute(statement)
                return
            # Two that make a table in the same moment: one of them is told that it is there already.
            except (psycopg.OperationalError, psycopg.errors.UniqueViolation) as error:
                log.warning("PostgreSQL is not ready, trying again: %s", error)
                await asyncio.sleep(1)

    async def check(self) -> None:
        async with self._pool.connection() as connection:
            for name in self._tables:
                await connection.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(Identifier(name)))

    def connection(self) -> AbstractAsyncContextManager[psycopg.AsyncConnection]:
        return self._pool.connection()
