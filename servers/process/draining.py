"""Graceful shutdown of a server: requests that have begun are answered."""

import asyncio
from typing import Final, cast

from aiohttp import web

from servers.http.redacting_handler import RedactingRequestHandler

#: Seconds to wait at shutdown for request bodies that are still being received.
UPLOAD_TIMEOUT_S: Final = 3.0

#: Seconds between two checks for complete bodies.
_TICK_S: Final = 0.02


class DrainableRequestHandler(RedactingRequestHandler):
    """Request handler of aiohttp that reports whether a request body is still being received."""

    __slots__ = ()

    @property
    def receiving(self) -> bool:
        """Whether a handler is waiting for the body of its request."""
        request = self._current_request
        return request is not None and not request.content.is_eof()


async def drain(server: web.Server) -> None:
    """Accept no further requests on the connections of `server`, but receive those that have begun.

    aiohttp's own shutdown ignores all further input, so that handlers wait in vain for bodies in transit.
    Returns once all bodies have arrived; closes the connections of those that do not arrive in time.
    """
    await asyncio.sleep(0)  # starts the handlers of requests that were just received
    deadline = asyncio.get_running_loop().time() + UPLOAD_TIMEOUT_S
    while receiving := _close_all_but_receiving(server):
        if asyncio.get_running_loop().time() >= deadline:
            for connection in receiving:
                connection.force_close()
            return
        await asyncio.sleep(_TICK_S)


def _close_all_but_receiving(server: web.Server) -> list[DrainableRequestHandler]:
    connections = cast(list[DrainableRequestHandler], server.connections)
    receiving = [connection for connection in connections if connection.receiving]
    for connection in set(connections).difference(receiving):
        connection.close()  # after its current response
    return receiving
