"""Account epochs in a column of the accounts file, read through aiosqlite's connection and thread."""

# ruff: noqa: D102 - servers.stores.lookups documents the methods

import sqlite3

import aiosqlite

from servers.stores.lookups import TIMEOUT_S, Lookup, new_epoch, unavailable_on

_database_operation = unavailable_on(sqlite3.Error, OSError)


class SqliteLookup(Lookup):
    """Account epochs in the accounts file at the path `source`."""

    @_database_operation
    async def check(self) -> None:
        await self.revoke_account("")  # of no account: takes the lock of a write all the same
        await self.epoch("")

    @_database_operation
    async def epoch(self, account_id: str) -> int | None:
        db = self._database or await self.open()
        sql = "SELECT epoch FROM accounts WHERE id = ? AND NOT disabled"
        rows = list(await db.execute_fetchall(sql, (account_id,)))
        return rows[0][0] if rows else None

    @_database_operation
    async def revoke_account(self, account_id: str) -> None:
        db = self._database or await self.open()
        await db.execute_fetchall("UPDATE accounts SET epoch = ? WHERE id = ?", (new_epoch(), account_id))

    async def connect(self) -> aiosqlite.Connection:
        return await aiosqlite.connect(self._source, timeout=TIMEOUT_S, isolation_level=None)
