"""Connections of a server: how many there may be, and how long one may take to send a request."""

import asyncio
import weakref
from typing import Final, cast

from aiohttp import web

from servers.http import security_log
from servers.http.headers import FIXED
from servers.http.request_handler import RequestHandler
from servers.http.responses import RETRY_AFTER_S

#: Seconds until the first request, or the rest of a header that has begun, must have arrived.
HEADER_TIMEOUT_S: Final = 5.0

#: Seconds between two looks for connections that are too slow.
TICK_S: Final = 1.0

#: Seconds that a refused connection gets to read why, and the number of those that do at a time.
REFUSAL_S: Final = 1.0
MAX_REFUSALS: Final = 64

#: Seconds between two lines that say that the server is full.
LOG_EVERY_S: Final = 60.0

_BODY: Final = b'{"error":"overloaded"}'
_HEADERS: Final = FIXED | {
    "Retry-After": str(RETRY_AFTER_S),
    "Content-Type": "application/json",
    "Content-Length": str(len(_BODY)),
    "Connection": "close",
}
_FULL: Final = (
    "HTTP/1.1 503 Service Unavailable\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in _HEADERS.items())
    + "\r\n"
).encode() + _BODY


class Connections:
    """Protocol factory of a listener, with a limit on open connections.

    Without a limit, idle connections use up the files that the process may open, and the event loop then logs
    a traceback for each connection that it cannot accept.

    Args:
        server: Server of aiohttp that handles the requests.
        limit: Maximum number of open connections; more are answered 503.
        keepalive_s: Seconds that a connection may be idle between two requests.
    """

    def __init__(self, server: web.Server, limit: int, keepalive_s: float) -> None:
        self._server = server
        self._limit = limit
        self._keepalive_s = keepalive_s
        self._loop = asyncio.get_running_loop()
        # Weak, so that none counts for ever that the loop could not open.
        self._open: weakref.WeakSet[RequestHandler] = weakref.WeakSet()
        self._refused: weakref.WeakSet[_Refusal] = weakref.WeakSet()
        self._logged_at = -LOG_EVERY_S
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        if len(self._open) >= self._limit:
            self._log_once()
            refusal = _Refusal(self._refused, self._loop, silent=len(self._refused) >= MAX_REFUSALS)
            self._refused.add(refusal)
            return refusal
        # Request bodies are too small to need compression; not decompressing rules out zip bombs.
        connection = RequestHandler(
            self._server,
            loop=self._loop,
            keepalive_timeout=self._keepalive_s,
            auto_decompress=False,
            on_lost=self._open.discard,
        )
        self._open.add(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._close_slow)
        return connection

    def _close_slow(self) -> None:
        """Close connections that sent nothing, or half a header, for too long."""
        earliest = self._loop.time() - HEADER_TIMEOUT_S
        for connection in list(self._open):
            if connection.waiting_since is not None and connection.waiting_since < earliest:
                connection.force_close()
        # No timer while there is no connection.
        self._timer = self._loop.call_later(TICK_S, self._close_slow) if self._open else None

    def _log_once(self) -> None:
        now = self._loop.time()
        if now - self._logged_at >= LOG_EVERY_S:
            self._logged_at = now
            security_log.write({"event": "connections refused", "limit": self._limit})


class _Refusal(asyncio.Protocol):
    """Protocol that answers 503 without reading a request.

    Args:
        others: Refusals that are open, of which it removes itself.
        loop: Event loop.
        silent: Whether to close the connection without an answer.
    """

    def __init__(
        self, others: "weakref.WeakSet[_Refusal]", loop: asyncio.AbstractEventLoop, *, silent: bool
    ) -> None:
        self._others = others
        self._loop = loop
        self._silent = silent
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        if self._silent:
            transport.abort()
            return
        transport.write(_FULL)
        # The client closes it, or the timer. If it were closed now, with a request in the buffer, the kernel
        # would reset the connection, and the client would lose the answer.
        transport.write_eof()
        self._timer = self._loop.call_later(REFUSAL_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._others.discard(self)
        if self._timer is not None:
            self._timer.cancel()
