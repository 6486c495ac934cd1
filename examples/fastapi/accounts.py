"""Accounts in memory, as in the article's example. All have the password `foobar`."""

import os
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

LOAD_USERS = 1000

#: Names and values as in servers/credentials/passwords.py: `bench` is for measuring everything but logins.
COSTS = {
    "owasp": PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),
    "bench": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
}


@dataclass
class Account:
    """User account."""

    id: str
    username: str
    first_name: str
    last_name: str
    email: str
    role: str = "user"

    @property
    def profile(self) -> dict[str, str]:
        """Return the profile in the response of a login."""
        return {
            "id": self.id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
        }

    @property
    def identity(self) -> dict[str, str]:
        """Return the content of a session or a token."""
        return {**self.profile, "username": self.username, "role": self.role}


_accounts = {
    account.username: account
    for account in (
        Account("123", "john.doe", "John", "Doe", "john@doe.com"),
        Account("124", "jane.roe", "Jane", "Roe", "jane@roe.com", "admin"),
        *(
            Account(f"load-{n}", f"load-{n}", "John", "Doe", f"load-{n}@example.com")
            for n in range(LOAD_USERS)
        ),
    )
}
_hasher = COSTS[os.environ.get("PASSWORD_COST", "owasp")]
_password_hash = _hasher.hash("foobar")


def authenticate(username: str, password: str) -> Account | None:
    """Return the account, or None, with the same work for a wrong name or password."""
    try:
        _hasher.verify(_password_hash, password)
    except VerifyMismatchError:
        return None
    return _accounts.get(username)


def set_email(username: str, email: str) -> Account:
    """Change an account's email address."""
    account = _accounts[username]
    account.email = email
    return account
