"""A single server process: bind, report readiness, serve, and finish requests in flight at shutdown."""

import asyncio
import errno
import signal
from collections.abc import Callable
from typing import Final

from aiohttp import web

from servers.errors import CannotStartError
from servers.http.app import create_app
from servers.http.app_keys import SCHEME
from servers.process.draining import DrainableRequestHandler, drain
from servers.settings import Settings

#: Seconds that completely received requests get to finish at shutdown.
SHUTDOWN_TIMEOUT_S: Final = 5.0

#: Maximum number of connections that wait to be accepted.
BACKLOG: Final = 1024

LOOPS: Final = ("uvloop", "asyncio")


def run(
    scheme: str,
    settings: Settings,
    *,
    host: str,
    port: int,
    loop: str,
    keepalive_s: float,
    shared: bool,
    ready: Callable[[int], None],
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        scheme: Name of the scheme.
        settings: Settings of the server.
        host: Address to listen on.
        port: Port to listen on; 0 selects a free one.
        loop: One of `LOOPS`.
        keepalive_s: Idle timeout of connections in seconds.
        shared: Whether other processes listen on the same port.
        ready: Called with the port once connections are accepted.

    Raises:
        CannotStartError: The port is in use, the store does not answer, or there is no accounts file.
    """
    try:
        with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
            runner.run(_serve(scheme, settings, host, port, keepalive_s, shared, ready))
    finally:
        # The loop's handler is gone: a second SIGTERM would skip the rest of the clean-up.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


async def _serve(
    scheme: str,
    settings: Settings,
    host: str,
    port: int,
    keepalive_s: float,
    shared: bool,
    ready: Callable[[int], None],
) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    app = create_app(scheme, settings)
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
    await runner.setup()
    try:
        await _require_ready(app)
        listener = await _listen(runner, host, port, keepalive_s, shared)
        ready(listener.sockets[0].getsockname()[1])
        await ended.wait()
        listener.close()
        assert runner.server is not None  # noqa: S101 - set up above
        await drain(runner.server)
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
    runner: web.AppRunner, host: str, port: int, keepalive_s: float, shared: bool
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    server = runner.server
    assert server is not None  # noqa: S101 - the runner is set up

    def protocol() -> DrainableRequestHandler:
        # Request bodies are too small to need compression; not decompressing rules out zip bombs.
        return DrainableRequestHandler(
            server, loop=loop, keepalive_timeout=keepalive_s, auto_decompress=False
        )

    try:
        return await loop.create_server(protocol, host, port, backlog=BACKLOG, reuse_port=shared or None)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStartError(
                f"Port {port} is in use. Stop the process that uses it, or set another --port (0: any free)."
            ) from None
        raise CannotStartError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Set another --host or --port."
        ) from None


def _loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop
