"""Account epochs in a column of the accounts file, read through aiosqlite's connection and thread."""

# ruff: noqa: D102 - servers.stores.lookups documents the methods

import asyncio
import sqlite3
from pathlib import Path

import aiosqlite

from servers.stores.lookups import TIMEOUT_S, Lookup, unavailable_on

_database_operation = unavailable_on(sqlite3.Error, OSError)


class SqliteLookup(Lookup):
    """Account epochs in the accounts file.

    Args:
        path: Accounts file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()

    @_database_operation
    async def epoch(self, account_id: str) -> int | None:
        db = self._db or await self._open()
        sql = "SELECT epoch FROM accounts WHERE id = ? AND NOT disabled"
        rows = list(await db.execute_fetchall(sql, (account_id,)))
        return rows[0][0] if rows else None

    async def begin(self, account_id: str) -> int | None:
        return await self.epoch(account_id)

    @_database_operation
    async def revoke(self, account_id: str) -> None:
        db = self._db or await self._open()
        await db.execute_fetchall("UPDATE accounts SET epoch = epoch + 1 WHERE id = ?", (account_id,))

    async def close(self) -> None:
        if self._db is not None:
            await self._db.close()

    async def _open(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._db is None:
                self._db = await aiosqlite.connect(self._path, timeout=TIMEOUT_S, isolation_level=None)
            return self._db
