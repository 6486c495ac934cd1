"""Password hashing with argon2: what it costs, and a bounded place to do it off the event loop."""

from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from servers.process.thread_pool import WorkerPool


class Cost(NamedTuple):
    """What hashing one password costs: passes over the memory, KiB of memory, and lanes."""

    passes: int
    memory_kib: int
    lanes: int


#: `owasp` is the first choice of the OWASP Password Storage Cheat Sheet. `bench` protects nobody: it is
#: there to log in thousands of virtual users within seconds, and must be asked for by name.
COSTS: Final = {
    "owasp": Cost(passes=2, memory_kib=19 * 1024, lanes=1),
    "bench": Cost(passes=1, memory_kib=8, lanes=1),
}

#: Hashes computed at the same time, and hashes in all that may run or wait.
THREADS: Final = 2
QUEUE: Final = 128


def hasher(cost: str) -> PasswordHasher:
    """Return the argon2id hasher of the profile that `cost` names."""
    passes, memory_kib, lanes = COSTS[cost]
    return PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)


def hashed_at(cost: str, password_hash: str) -> bool:
    """Tell whether `password_hash` was made at the profile that `cost` names."""
    return not hasher(cost).check_needs_rehash(password_hash)


class Passwords:
    """Hashes and checks passwords in threads, since argon2 keeps a CPU busy for milliseconds.

    Args:
        cost: Name of a profile in `COSTS`.
    """

    def __init__(self, cost: str) -> None:
        self._hasher = hasher(cost)
        self._nobody = self._hasher.hash("the password of no account")
        self._pool = WorkerPool(THREADS, QUEUE, "argon2")

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether `password` is the one behind `password_hash`.

        None, for an account that does not exist, takes as long and is False, so that the time an answer
        takes does not tell which accounts exist.

        Raises:
            web.HTTPServiceUnavailable: Too many passwords wait to be checked.
        """
        matches = await self._pool.run(self._matches, password_hash or self._nobody, password)
        return matches and password_hash is not None

    async def hash(self, password: str) -> str:
        """Return a salted hash of `password`.

        Raises:
            web.HTTPServiceUnavailable: Too many passwords wait to be hashed.
        """
        return await self._pool.run(self._hasher.hash, password)

    def close(self) -> None:
        """End the threads."""
        self._pool.close()

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
