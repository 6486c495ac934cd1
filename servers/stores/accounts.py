"""Accounts in one SQLite file, which is read at logins and writes and may be shared by several servers."""

import contextlib
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from servers.credentials.identity import Identity
from servers.credentials.password_cost import OWASP, Cost
from servers.credentials.passwords import hasher
from servers.errors import CannotStartError
from servers.http.responses import unavailable
from servers.process.thread_pool import WorkerPool

ROLES: Final = ("user", "admin")

#: Maximum number of reads and writes of the file that run or wait.
QUEUE: Final = 1024

#: Seconds to wait while another process writes, after which a request is answered 503.
BUSY_TIMEOUT_S: Final = 1.0

#: Part of an error code of SQLite that names the kind of error; the rest is detail.
_PRIMARY_CODE: Final = 0xFF

_SCHEMA: Final = """
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT (random())
) STRICT
"""


class Account(NamedTuple):
    """Row of the accounts table.

    `version` increases with each change of the password, the role or the block; `epoch` is a
    random number that changes with each revocation of the account's credentials, if the scheme uses it
    (`servers.stores.lookups`).
    """

    id: str
    username: str
    password_hash: str
    first_name: str
    last_name: str
    email: str
    role: str
    disabled: bool
    version: int
    epoch: int

    @property
    def identity(self) -> Identity:
        """Return the identity that a credential of this account carries."""
        return Identity(self.id, self.first_name, self.last_name, self.email, self.role)

    @property
    def profile(self) -> dict[str, str]:
        """Return the fields that are shown to the account's user."""
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "id": self.id,
        }


class NewAccount(NamedTuple):
    """Account to create, in the order of the table's columns."""

    id: str
    username: str
    password: str
    first_name: str
    last_name: str
    email: str
    role: str


#: All columns in use, so that a file of an older version is rejected at start and not at the first login.
_COLUMNS: Final = ", ".join(Account._fields)


class _Connection:
    """Connection to the accounts file, used by one thread only, one call at a time."""

    def __init__(self, path: Path, name: str) -> None:
        self.db = _connect(path)
        self._pool = WorkerPool(threads=1, queue=QUEUE, name=name)

    async def fetch(self, sql: str, *values: object) -> Account | None:
        """Execute a statement and return its first row; None if it has none.

        Raises:
            web.HTTPServiceUnavailable: Another program has the file locked, or too many calls wait.
        """
        return await self._pool.run(self._fetch, sql, values)

    def close(self) -> None:
        """Wait for running work and close the connection."""
        self._pool.close()
        self.db.close()

    def _fetch(self, sql: str, values: tuple[object, ...]) -> Account | None:
        try:
            row = self.db.execute(sql, values).fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise unavailable("accounts_busy") from None
            raise
        if row is None:
            return None
        account = Account(*row)
        return account._replace(disabled=bool(account.disabled))


class Accounts:
    """Accounts in a file; reads have a connection of their own, so that no login waits for a write.

    Args:
        path: File made by `create`.

    Raises:
        CannotStartError: The file does not exist, or holds no accounts.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise CannotStartError(
                f"The accounts file {path} does not exist; create it with "
                f"`python -m servers.accounts --file {path} --add USERNAME`."
            )
        try:
            self._reader = _Connection(path, "accounts-read")
            row = self._reader.db.execute(f"SELECT {_COLUMNS} FROM accounts").fetchone()  # noqa: S608 - constants
            self._writer = _Connection(path, "accounts-write")
        except sqlite3.DatabaseError as error:
            raise CannotStartError(f"{path} is not an accounts file: {error}.") from None
        if row is None:
            self.close()
            raise CannotStartError(f"{path} holds no accounts.")

    async def find(self, username: str) -> Account | None:
        """Return the account called `username`; None if there is none."""
        return await self._reader.fetch("SELECT * FROM accounts WHERE username = ?", username)

    async def get(self, account_id: str) -> Account | None:
        """Return the account with the id `account_id`; None if there is none."""
        return await self._reader.fetch("SELECT * FROM accounts WHERE id = ?", account_id)

    async def set_email(self, account_id: str, email: str) -> Account | None:
        """Change an account's email address; None if there is no such account, or it is disabled."""
        return await self._writer.fetch(
            "UPDATE accounts SET email = ? WHERE id = ? AND NOT disabled RETURNING *", email, account_id
        )

    async def set_password(self, account: Account, password_hash: str) -> Account | None:
        """Change an account's password; None if the account changed after `account` was read."""
        return await self._writer.fetch(
            "UPDATE accounts SET password_hash = ?, version = version + 1"
            " WHERE id = ? AND version = ? AND NOT disabled RETURNING *",
            password_hash,
            account.id,
            account.version,
        )

    async def rehash(self, account: Account, password_hash: str) -> None:
        """Store another hash of an account's unchanged password, unless the account has changed."""
        await self._writer.fetch(
            "UPDATE accounts SET password_hash = ? WHERE id = ? AND version = ? RETURNING *",
            password_hash,
            account.id,
            account.version,
        )

    async def set_rights(
        self, admin_id: str, account_id: str, role: str | None, disabled: bool | None
    ) -> Account | None:
        """Change the role of an account, or block or unblock it, or both (None leaves a field unchanged).

        Returns None if there is no such account, or if the account `admin_id` is not or no longer an admin,
        regardless of the caller's credential.
        """
        return await self._writer.fetch(
            "UPDATE accounts SET role = coalesce(?, role), disabled = coalesce(?, disabled),"
            " version = version + 1 WHERE id = ?"
            " AND EXISTS (SELECT 1 FROM accounts WHERE id = ? AND role = 'admin' AND NOT disabled)"
            " RETURNING *",
            role,
            disabled,
            account_id,
            admin_id,
        )

    def close(self) -> None:
        """Wait for running work and close the file."""
        self._reader.close()
        self._writer.close()


def create(path: Path, new_accounts: Iterable[NewAccount], cost: Cost = OWASP) -> None:
    """Create an accounts file that only this user can read.

    Raises:
        CannotStartError: The file exists already, or cannot be created.
    """
    try:
        path.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise CannotStartError(f"{path} cannot be created: {error.strerror}.") from None
    with contextlib.closing(_connect(path)) as db:
        db.execute(_SCHEMA)
        _insert(db, new_accounts, cost)


def add(path: Path, account: NewAccount, cost: Cost = OWASP) -> None:
    """Add an account to a file, which is created if there is none.

    Raises:
        CannotStartError: The file cannot be created or written, or has an account of that name.
    """
    if not path.exists():
        create(path, [account], cost)
        return
    try:
        with contextlib.closing(_connect(path)) as db:
            _insert(db, [account], cost)
    except sqlite3.IntegrityError:
        raise CannotStartError(f"{path} has an account {account.username!r} already.") from None
    except sqlite3.DatabaseError as error:
        raise CannotStartError(f"{path} cannot be written: {error}.") from None


def _insert(db: sqlite3.Connection, new_accounts: Iterable[NewAccount], cost: Cost) -> None:
    accounts = list(new_accounts)
    with ThreadPoolExecutor() as threads:  # argon2 releases the GIL
        hashes = threads.map(hasher(cost).hash, [account.password for account in accounts])
        rows = [
            account._replace(password=password_hash)
            for account, password_hash in zip(accounts, hashes, strict=True)
        ]
    with db:
        db.execute("BEGIN")
        db.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, random())", rows)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    return db
