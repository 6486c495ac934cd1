"""Passwords: hashing with argon2 in a bounded thread pool off the event loop, and rules for new ones."""

import functools
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from servers.credentials.password_cost import Cost
from servers.process.thread_pool import WorkerPool

#: Minimum length of a new password in characters (NIST SP 800-63B).
MIN_LENGTH: Final = 8

#: The 3,000 most common passwords of at least `MIN_LENGTH` characters, most common first. They are from the
#: package zxcvbn 4.5.0 (MIT), which has them from published breaches.
_COMMON: Final = Path(__file__).with_name("common_passwords.txt")

#: Hashes computed concurrently, and maximum number of hashes that run or wait.
THREADS: Final = 2
QUEUE: Final = 128


def hasher(cost: Cost) -> PasswordHasher:
    """Return the argon2id hasher of a cost."""
    return PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)


def weakness(password: str) -> str:
    """Return the error code of a password that must not be set; empty if it may be."""
    if len(password) < MIN_LENGTH:
        return "password_too_short"
    return "password_too_common" if password.lower() in _common_passwords() else ""


@functools.cache
def _common_passwords() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split())


class Passwords:
    """Password hashing and checking in threads, because argon2 occupies a CPU for milliseconds.

    Args:
        cost: Cost of new hashes.
    """

    def __init__(self, cost: Cost) -> None:
        self._hasher = hasher(cost)
        self._dummy_hash = self._hasher.hash("the password of no account")
        self._pool = WorkerPool(THREADS, QUEUE, "argon2")

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` matches `password_hash`.

        A hash of None, for an account that does not exist, takes as long and returns False, so that response
        times do not reveal which accounts exist.

        Raises:
            web.HTTPServiceUnavailable: Too many passwords are waiting to be checked.
        """
        matches = await self._pool.run(self._matches, password_hash or self._dummy_hash, password)
        return matches and password_hash is not None

    async def hash(self, password: str) -> str:
        """Return a salted hash of `password`.

        Raises:
            web.HTTPServiceUnavailable: Too many passwords are waiting to be hashed.
        """
        return await self._pool.run(self._hasher.hash, password)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was created at another cost, so that the next login should replace it."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.close()

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
