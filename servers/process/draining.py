"""Ends a server without dropping what it has begun to answer."""

import asyncio
from typing import Final, cast

from aiohttp import web

from servers.http.redacting_handler import DiscreetRequestHandler

#: Seconds that a body still on its way gets to arrive when the server is told to end.
UPLOAD_TIMEOUT_S: Final = 3.0

#: Seconds between two looks at which bodies have arrived.
_TICK_S: Final = 0.02


class DrainableRequestHandler(DiscreetRequestHandler):
    """aiohttp's protocol, which can tell that the rest of a request is on its way."""

    __slots__ = ()

    @property
    def receiving(self) -> bool:
        """Whether a handler waits for the body of its request."""
        request = self._current_request
        return request is not None and not request.content.is_eof()


async def drain(server: web.Server) -> None:
    """Accept no further request on any connection of `server`, but the rest of those that have begun.

    aiohttp by itself, told to end, ignores what still comes in, so that a handler waits in vain for a body
    that was under way. Returns once all have arrived; hangs up on those that do not.
    """
    await asyncio.sleep(0)  # requests that came in just now begin to be handled
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
        connection.close()  # once it has answered
    return receiving
