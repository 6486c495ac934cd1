"""Security log: a line of JSON per login, logout, change of password or rights, and forbidden request.

A line has no credential. Bodies, headers and usernames are not logged: people type passwords into the wrong
field. `python -m servers` writes the log to standard error.
"""

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from servers.http.request_keys import ACCOUNT_ID, CALLER
from servers.http.responses import CODE, encode

#: Refusals that are logged per second and process; more are counted. Anyone can cause them, and fill a disk.
MAX_REFUSALS_PER_S: Final = 50

LOGGER: Final = logging.getLogger("servers.security")


def to_stderr() -> None:
    """Write the log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False


class SecurityLog:
    """Security log of one process.

    Args:
        clock: Function that returns seconds from any origin.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._refusals = 0

    def done(self, request: web.Request, route: str, response: web.StreamResponse) -> None:
        """Log a request that was answered."""
        self._write(request, route, response.status)

    def refused(self, request: web.Request, route: str, refusal: web.HTTPException) -> None:
        """Log a request that was refused, unless too many were in this second."""
        second = int(self._clock())
        if second != self._second:
            if self._refusals > MAX_REFUSALS_PER_S:
                write({"event": "refusals not logged", "count": self._refusals - MAX_REFUSALS_PER_S})
            self._second, self._refusals = second, 0
        self._refusals += 1
        if self._refusals <= MAX_REFUSALS_PER_S:
            reason = str(refusal.__cause__ or "")  # the store's own words
            self._write(request, route, refusal.status, refusal.get(CODE, ""), reason)

    def _write(self, request: web.Request, route: str, status: int, code: str = "", reason: str = "") -> None:
        caller = request.get(CALLER)
        write(
            {
                "event": f"{request.method} {route}",
                "status": status,
                "code": code,
                "reason": reason,
                "caller": caller.sub if caller else None,
                "account": request.get(ACCOUNT_ID),
                "peer": request.remote,
            }
        )


def write(event: dict[str, Any]) -> None:
    """Write a line with the time and `event`."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    LOGGER.info(encode({"time": now} | event).decode())
