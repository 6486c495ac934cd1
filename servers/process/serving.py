"""A single server process: bind, report readiness, serve, and finish requests in flight at shutdown."""

import asyncio
import errno
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, cast

from aiohttp import web

from servers.contract import authority
from servers.errors import CannotStartError
from servers.http import security_log
from servers.http.app import create_app
from servers.http.app_keys import SCHEME
from servers.http.connections import MAX_REFUSALS, Connections
from servers.http.request_handler import RequestHandler
from servers.settings import Settings

#: Seconds that completely received requests get to finish at shutdown.
SHUTDOWN_TIMEOUT_S: Final = 5.0

#: Seconds to wait at shutdown for request bodies that are still being received.
UPLOAD_TIMEOUT_S: Final = 3.0

#: Seconds between two checks for complete bodies.
_TICK_S: Final = 0.02

#: Maximum number of connections that wait to be accepted.
BACKLOG: Final = 1024

#: Maximum number of connections that are accepted before the first of them is looked at.
ACCEPT_BURST: Final = 64

#: Default of the maximum number of open connections of a process.
MAX_CONNECTIONS: Final = 2048

#: Open files that a process needs besides its connections: its own, and connections beyond the limit.
RESERVED_FILES: Final = 64 + MAX_REFUSALS + ACCEPT_BURST

LOOPS: Final = ("uvloop", "asyncio")


def run(
    scheme: str,
    settings: Settings,
    host: str,
    port: int,
    ready: Callable[[int], None],
    *,
    loop: str = "uvloop",
    keepalive_s: float = 75,
    max_connections: int = MAX_CONNECTIONS,
    shared: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        scheme: Name of the scheme.
        settings: Settings of the server.
        host: Address to listen on.
        port: Port to listen on; 0 selects a free one.
        ready: Called with the port once connections are accepted.
        loop: One of `LOOPS`.
        keepalive_s: Idle timeout of connections in seconds.
        max_connections: Maximum number of open connections; fewer if the system allows fewer open files.
        shared: Whether other processes listen on the same port.

    Raises:
        CannotStartError: The port is in use, the store does not answer, or there is no accounts file.
    """
    security_log.to_stderr()
    limit = _fit_to_open_files(max_connections)
    try:
        with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
            runner.run(
                _serve(scheme, settings, ready, partial(_listen, host, port, limit, keepalive_s, shared))
            )
    finally:
        # The loop's handler is gone: a second SIGTERM would skip the rest of the clean-up.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


async def _serve(
    scheme: str,
    settings: Settings,
    ready: Callable[[int], None],
    listen: Callable[[web.Server], Awaitable[asyncio.Server]],
) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    app = create_app(scheme, settings)
    # Without web.TCPSite, which can neither limit connections nor keep malformed requests out of the log.
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
    await runner.setup()
    try:
        await _require_ready(app)
        assert runner.server is not None  # noqa: S101 - set up above
        listener = await listen(runner.server)
        ready(listener.sockets[0].getsockname()[1])
        await ended.wait()
        listener.close()
        await _drain(runner.server)
    finally:
        await runner.cleanup()  # waits for requests in flight


async def _require_ready(app: web.Application) -> None:
    try:
        await app[SCHEME].ready()
    except web.HTTPServiceUnavailable as error:
        reason = f" ({str(error.__cause__).rstrip('.')})" if str(error.__cause__ or "") else ""
        raise CannotStartError(
            f"The store does not answer, or refuses the connection{reason}. Start it, correct REDIS_URL "
            "(LOOKUP_URL for token-lookup), or unset that variable to use the default."
        ) from None


async def _listen(
    host: str, port: int, limit: int, keepalive_s: float, shared: bool, server: web.Server
) -> asyncio.Server:
    connections = Connections(server, limit, keepalive_s)
    try:
        listener = await asyncio.get_running_loop().create_server(
            connections, host, port, backlog=ACCEPT_BURST, reuse_port=shared or None
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStartError(
                f"Port {port} is in use. Stop the process that uses it, or set another --port (0: any free)."
            ) from None
        raise CannotStartError(
            f"Cannot listen at {authority(host, port)}: {error.strerror}. Set another --host or --port."
        ) from None
    _deepen_backlog(listener)
    return listener


def _deepen_backlog(listener: asyncio.Server) -> None:
    """Let more connections wait in the kernel than asyncio accepts at once; its `backlog` is both."""
    for listening in listener.sockets:
        with socket.socket(fileno=os.dup(listening.fileno())) as same:
            same.listen(BACKLOG)


async def _drain(server: web.Server) -> None:
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


def _close_all_but_receiving(server: web.Server) -> list[RequestHandler]:
    connections = cast(list[RequestHandler], server.connections)
    receiving = [connection for connection in connections if connection.receiving]
    for connection in set(connections).difference(receiving):
        connection.close()  # after its current response
    return receiving


def _fit_to_open_files(connections: int) -> int:
    """Raise this process's limit on open files as far as needed; return how many connections fit.

    Each connection may have a request in flight, which may hold a connection to the store.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * connections + RESERVED_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, min(connections, (allowed - RESERVED_FILES) // 2))


def _loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop
