"""Cost of hashing a password with argon2id."""

from typing import Final, NamedTuple


class Cost(NamedTuple):
    """Cost of hashing one password: passes over the memory, memory in KiB, and lanes."""

    passes: int
    memory_kib: int
    lanes: int


#: The first choice of the OWASP Password Storage Cheat Sheet.
OWASP: Final = Cost(passes=2, memory_kib=19 * 1024, lanes=1)
