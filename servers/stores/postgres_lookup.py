"""Account epochs in a PostgreSQL table, read through an asyncpg pool; a login adds its account."""

# ruff: noqa: D102 - servers.stores.lookups documents the methods

import asyncio
import contextlib
import secrets
from typing import Final

import asyncpg

from servers.stores.lookups import TIMEOUT_S, Lookup, new_epoch, unavailable_on

#: Maximum number of connections; further lookups wait for a free one.
MAX_CONNECTIONS: Final = 16

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS account_epochs (account_id TEXT PRIMARY KEY, epoch BIGINT NOT NULL)"
)

_database_operation = unavailable_on(asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class PostgresLookup(Lookup):
    """Account epochs in the PostgreSQL database at the URL `source`: `postgresql://...`."""

    @_database_operation
    async def check(self) -> None:
        name = f"check:{secrets.token_hex(8)}"
        await self.begin(name)
        await self._value("DELETE FROM account_epochs WHERE account_id = $1 RETURNING epoch", name)

    @_database_operation
    async def epoch(self, account_id: str) -> int | None:
        return await self._value("SELECT epoch FROM account_epochs WHERE account_id = $1", account_id)

    @_database_operation
    async def begin(self, account_id: str) -> int | None:
        return await self._value(
            "INSERT INTO account_epochs VALUES ($1, $2) ON CONFLICT (account_id)"
            " DO UPDATE SET epoch = account_epochs.epoch RETURNING epoch",
            account_id,
            new_epoch(),
        )

    @_database_operation
    async def revoke_account(self, account_id: str) -> None:
        await self._value(
            "UPDATE account_epochs SET epoch = $2 WHERE account_id = $1 RETURNING epoch",
            account_id,
            new_epoch(),
        )

    async def _value(self, sql: str, *values: str | int) -> int | None:
        async with asyncio.timeout(TIMEOUT_S):  # including the wait for a connection
            pool = self._database or await self.open()
            value: int | None = await pool.fetchval(sql, *values)
            return value

    async def connect(self) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            self._source,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            timeout=TIMEOUT_S,
            command_timeout=TIMEOUT_S,
            init=_create_table,
        )


async def _create_table(connection: asyncpg.Connection) -> None:
    with contextlib.suppress(
        asyncpg.UniqueViolationError, asyncpg.DuplicateTableError
    ):  # created concurrently
        await connection.execute(_TABLE)
