"""Counts failed logins by account, so that nobody can go on guessing passwords."""

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from servers.http.responses import error

#: Wrong passwords that one account may be given within a window, and the window's seconds.
MAX_FAILURES: Final = 10
WINDOW_S: Final = 15 * 60

#: Counters, a byte each: so many that an account hardly ever shares one that somebody used up.
COUNTERS: Final = 2**20

_KEY_BYTES: Final = 16


class FailedLogins:
    """Failed logins by the name that was tried, whether or not there is such an account.

    Memory is constant: a name is hashed to one of `COUNTERS` bytes, so a flood of made-up names displaces no
    count. The hash has a random key, so that nobody can choose names that share a counter. All counters
    start again with each window.

    Args:
        clock: Returns seconds from any origin.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._ends = clock() + WINDOW_S
        self._counts = bytearray(COUNTERS)

    def check(self, username: str) -> None:
        """Refuse another attempt once there were too many.

        To be asked before the password is looked at, and again before what was found is told: guesses sent
        all at once learn no more than guesses sent one by one.

        Raises:
            web.HTTPTooManyRequests: There were; says when to come back.
        """
        self._begin_window_if_due()
        if self._counts[self._counter(username)] >= MAX_FAILURES:
            wait = max(1, math.ceil(self._ends - self._clock()))
            raise error(web.HTTPTooManyRequests, "too_many_failures", {"Retry-After": str(wait)})

    def count(self, username: str) -> None:
        """Note an attempt that failed."""
        self._begin_window_if_due()
        counter = self._counter(username)
        self._counts[counter] = min(self._counts[counter] + 1, MAX_FAILURES)

    def _begin_window_if_due(self) -> None:
        now = self._clock()
        if now >= self._ends:
            self._ends = now + WINDOW_S
            self._counts = bytearray(COUNTERS)

    def _counter(self, username: str) -> int:
        digest = hashlib.blake2b(username.encode(), digest_size=4, key=self._key).digest()
        return int.from_bytes(digest) % COUNTERS
