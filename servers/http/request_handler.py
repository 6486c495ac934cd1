"""Request handler of aiohttp that quotes no malformed request, and knows what its connection waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiohttp import StreamReader, web

from servers.http.headers import FIXED

_BAD_REQUEST: Final = 400


class RequestHandler(web.RequestHandler):
    """Request handler of one connection.

    aiohttp quotes the faulty header line in its response and its log, and that line may contain a credential.

    `_current_request`, `_messages` and `_request_count` are private to aiohttp: nothing public shows whether
    a request is being received, or whether one has arrived.

    Args:
        on_lost: Called when the connection is closed.

    Attributes:
        waiting_since: Time of the loop at which it began to wait for its first request, or for the rest of a
            header; None during and between requests.
    """

    __slots__ = ("__weakref__", "_body", "_on_lost", "_requests_seen", "waiting_since")

    def __init__(self, *args: Any, on_lost: Callable[[RequestHandler], object], **options: Any) -> None:
        super().__init__(*args, **options)
        self._on_lost = on_lost
        self.waiting_since: float | None = None
        self._requests_seen = 0
        self._body: StreamReader | None = None  # of the last request

    @property
    def receiving(self) -> bool:
        """Whether a handler is waiting for the body of its request."""
        request = self._current_request
        return request is not None and not request.content.is_eof()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self.waiting_since = self._loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Clean up after the connection."""
        super().connection_lost(exc)
        self._on_lost(self)

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        is_body = self._body is not None and not self._body.is_eof()
        super().data_received(data)
        if self._request_count != self._requests_seen:
            self._requests_seen = self._request_count
            self._body = self._messages[-1][1] if self._messages else None
            self.waiting_since = None
        elif self.waiting_since is None and not is_body:
            self.waiting_since = self._loop.time()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the response to a request that reached no handler; a malformed one closes the connection."""
        if status != _BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        response = web.Response(status=_BAD_REQUEST, text="400: Bad Request", headers=FIXED)
        response.force_close()
        return response
