"""Accounts in one SQLite file, which is read at logins and writes and may be shared by several servers."""

import argparse
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from servers import contract
from servers.credentials.identity import Identity
from servers.credentials.passwords import COSTS, hashed_at, hasher
from servers.errors import CannotStartError, UsageError
from servers.process.thread_pool import WorkerPool

ROLES: Final = ("user", "admin")

#: Maximum number of reads and writes of the file that run or wait.
QUEUE: Final = 1024

#: Seconds to wait while another process writes.
BUSY_TIMEOUT_S: Final = 5.0

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
    epoch INTEGER NOT NULL DEFAULT 0
) STRICT
"""


class Account(NamedTuple):
    """Row of the accounts table.

    `version` increases with each change of the password, the role or the block; `epoch` with each revocation
    of the account's credentials, if the scheme uses it (`servers.stores.lookups`).
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


#: All columns in use, so that a file of an older version is rejected at start and not at the first login.
_COLUMNS: Final = ", ".join(Account._fields)


class Accounts:
    """Accounts in a file, accessed by a dedicated thread.

    Args:
        path: File created by `seed`.
        cost: Cost profile of the file's password hashes. With a different profile, unknown accounts would
            take longer or shorter than known ones, and a measurement would report a cost that was not paid.

    Raises:
        CannotStartError: The file does not exist, or holds no accounts.
        UsageError: The passwords were hashed with another cost profile.
    """

    def __init__(self, path: Path, cost: str) -> None:
        if not path.is_file():
            raise CannotStartError(
                f"The accounts file {path} does not exist; create it with "
                f"`python -m servers.accounts --file {path}`."
            )
        try:
            self._db = _connect(path)
            row = self._db.execute(f"SELECT password_hash, {_COLUMNS} FROM accounts").fetchone()  # noqa: S608
        except sqlite3.DatabaseError as error:
            raise CannotStartError(f"{path} is not an accounts file: {error}.") from None
        if row is None or not hashed_at(cost, row[0]):
            self._db.close()
            raise UsageError(
                f"The passwords in {path} were not hashed with {cost!r}: set the matching --password-cost."
            )
        self._pool = WorkerPool(threads=1, queue=QUEUE, name="accounts")

    async def find(self, username: str) -> Account | None:
        """Return the account called `username`; None if there is none."""
        return await self._fetch("SELECT * FROM accounts WHERE username = ?", username)

    async def get(self, account_id: str) -> Account | None:
        """Return the account with the id `account_id`; None if there is none."""
        return await self._fetch("SELECT * FROM accounts WHERE id = ?", account_id)

    async def set_email(self, account_id: str, email: str) -> Account | None:
        """Change an account's email address; None if there is no such account, or it is disabled."""
        return await self._fetch(
            "UPDATE accounts SET email = ? WHERE id = ? AND NOT disabled RETURNING *", email, account_id
        )

    async def set_password(self, account: Account, password_hash: str) -> Account | None:
        """Change an account's password; None if the account changed after `account` was read."""
        return await self._fetch(
            "UPDATE accounts SET password_hash = ?, version = version + 1"
            " WHERE id = ? AND version = ? AND NOT disabled RETURNING *",
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
        return await self._fetch(
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
        self._pool.close()
        self._db.close()

    async def _fetch(self, sql: str, *values: object) -> Account | None:
        return await self._pool.run(self._execute, sql, values)

    def _execute(self, sql: str, values: tuple[object, ...]) -> Account | None:
        row = self._db.execute(sql, values).fetchone()
        if row is None:
            return None
        account = Account(*row)
        return account._replace(disabled=bool(account.disabled))


def seed(path: Path, load_users: int = 0, cost: str = "owasp", profile_bytes: int = 0) -> None:
    """Create the accounts file at `path` with the example accounts and accounts for virtual users.

    Args:
        path: File to create; it must not exist.
        load_users: Number of accounts of `contract.load_credentials` to add.
        cost: Name of a profile in `servers.credentials.passwords.COSTS`.
        profile_bytes: Minimum length of the added accounts' profiles; shorter ones are padded.

    Raises:
        CannotStartError: The file exists already, or cannot be created.
    """
    try:
        path.touch(mode=0o600, exist_ok=False)
    except OSError as error:
        raise CannotStartError(f"{path} cannot be created: {error.strerror}.") from None
    hash_password = hasher(cost).hash
    new_accounts = list(_new_accounts(load_users, profile_bytes))
    with ThreadPoolExecutor() as threads:  # argon2 releases the GIL
        hashes = threads.map(lambda account: hash_password(account[2]), new_accounts)
        rows = [
            (account_id, username, password_hash, *rest)
            for (account_id, username, _, *rest), password_hash in zip(new_accounts, hashes, strict=True)
        ]
    db = _connect(path)
    db.execute(_SCHEMA)
    with db:
        db.execute("BEGIN")
        db.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0)", rows)
    db.close()


def _new_accounts(load_users: int, profile_bytes: int) -> Iterator[tuple[str, str, str, str, str, str, str]]:
    """Yield id, username, password, first name, last name, email and role."""
    yield ("123", *contract.EXAMPLE, "John", "Doe", "john@doe.com", "user")
    yield ("124", *contract.EXAMPLE_ADMIN, "Jane", "Roe", "jane@roe.com", "admin")
    for index in range(load_users):
        username, password = contract.load_credentials(index)
        email = f"{username}@example.com"
        last_name = "Load".ljust(profile_bytes - len(username) - len("Robin") - len(email), "d")
        yield (username, username, password, "Robin", last_name, email, "user")


def _connect(path: Path) -> sqlite3.Connection:
    # Created by this thread, used by one worker thread only, one call at a time.
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def main() -> None:
    """Create an accounts file with the example accounts and accounts for virtual users."""
    parser = argparse.ArgumentParser(prog="python -m servers.accounts", description=main.__doc__)
    parser.add_argument("--file", type=Path, required=True, help="file to create; must not exist")
    parser.add_argument(
        "--load-users", type=int, default=0, metavar="N", help="virtual users to add (default: 0)"
    )
    parser.add_argument(
        "--profile-bytes", type=int, default=0, metavar="N", help="pad their profiles to this length"
    )
    parser.add_argument("--password-cost", choices=COSTS, default="owasp", help="argon2 cost profile")
    options = parser.parse_args()
    if options.load_users < 0:
        parser.error("--load-users: must be 0 or more")
    try:
        seed(options.file, options.load_users, options.password_cost, options.profile_bytes)
    except CannotStartError as error:
        parser.exit(error.exit_code, f"{error}\n")


if __name__ == "__main__":
    main()
