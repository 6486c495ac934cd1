"""Password hashing with argon2: cost profiles, and a bounded thread pool off the event loop."""

from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from servers.process.thread_pool import WorkerPool


class Cost(NamedTuple):
    """Cost of hashing one password: passes over the memory, memory in KiB, and lanes."""

    passes: int
    memory_kib: int
    lanes: int


#: `owasp` is the first choice of the OWASP Password Storage Cheat Sheet. `bench` is insecure: it logs in
#: thousands of virtual users within seconds, and must be selected explicitly.
COSTS: Final = {
    "owasp": Cost(passes=2, memory_kib=19 * 1024, lanes=1),
    "bench": Cost(passes=1, memory_kib=8, lanes=1),
}

#: Hashes computed concurrently, and maximum number of hashes that run or wait.
THREADS: Final = 2
QUEUE: Final = 128


def hasher(cost: str) -> PasswordHasher:
    """Return the argon2id hasher of the profile `cost`."""
    passes, memory_kib, lanes = COSTS[cost]
    return PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)


def hashed_at(cost: str, password_hash: str) -> bool:
    """Whether `password_hash` was created with the profile `cost`."""
    return not hasher(cost).check_needs_rehash(password_hash)


class Passwords:
    """Password hashing and checking in threads, because argon2 occupies a CPU for milliseconds.

    Args:
        cost: Name of a profile in `COSTS`.
    """

    def __init__(self, cost: str) -> None:
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

    def close(self) -> None:
        """Stop the threads."""
        self._pool.close()

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
