"""Counters of wrong passwords per account, which stop guessing."""

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from servers.http.responses import error

#: Wrong passwords allowed per account and window, and the length of a window in seconds.
MAX_FAILURES: Final = 10
WINDOW_S: Final = 15 * 60

#: Number of one-byte counters: enough that an account rarely shares a counter under attack.
COUNTERS: Final = 2**20

_KEY_BYTES: Final = 16


class FailedLogins:
    """Wrong passwords by name and purpose, whether or not the account exists.

    Memory is constant: a name is hashed to one of `COUNTERS` bytes, so a flood of made-up names displaces no
    count. The hash has a random key, so that attackers cannot choose names that share a counter. All counters
    are reset with each window.

    Args:
        clock: Function that returns seconds from any origin.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._ends = clock() + WINDOW_S
        self._counts = bytearray(COUNTERS)

    def check(self, name: str, purpose: str = "login") -> None:
        """Reject another attempt after too many failures.

        Call it before the password is checked and again before the result is returned, so that concurrent
        guesses reveal no more than sequential ones.

        Args:
            name: Username, or account id.
            purpose: What the password was for; each purpose has counters of its own.

        Raises:
            web.HTTPTooManyRequests: Too many failures; the response has a `Retry-After`.
        """
        self._begin_window_if_due()
        if self._counts[self._counter(name, purpose)] >= MAX_FAILURES:
            wait = max(1, math.ceil(self._ends - self._clock()))
            raise error(web.HTTPTooManyRequests, "too_many_failures", {"Retry-After": str(wait)})

    def count(self, name: str, purpose: str = "login") -> None:
        """Count a failed attempt."""
        self._begin_window_if_due()
        counter = self._counter(name, purpose)
        self._counts[counter] = min(self._counts[counter] + 1, MAX_FAILURES)

    def _begin_window_if_due(self) -> None:
        now = self._clock()
        if now >= self._ends:
            self._ends = now + WINDOW_S
            self._counts = bytearray(COUNTERS)

    def _counter(self, name: str, purpose: str) -> int:
        digest = hashlib.blake2b(f"{purpose}\0{name}".encode(), digest_size=4, key=self._key).digest()
        return int.from_bytes(digest) % COUNTERS
