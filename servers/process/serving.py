"""One server process: bind, say that it is ready, serve, and finish what is in flight when told to end."""

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

#: Seconds that requests which have come in whole get to finish when the server is told to end.
SHUTDOWN_TIMEOUT_S: Final = 5.0

#: Connections that may wait to be accepted.
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
        settings: What the scheme is told.
        host: Address to listen on.
        port: Port to listen on; 0 takes any that is free.
        loop: One of `LOOPS`.
        keepalive_s: Seconds that an idle connection is kept.
        shared: Whether others listen on that port, too.
        ready: Called with the port once connections are accepted.

    Raises:
        CannotStartError: The port is taken, the store does not answer, or the accounts are not there.
    """
    try:
        with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
            runner.run(_serve(scheme, settings, host, port, keepalive_s, shared, ready))
    finally:
        # The loop took its handler along: told to end again, the process would skip the rest of its clean-up.
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
        assert runner.server is not None  # noqa: S101 - it is set up
        await drain(runner.server)
    finally:
        await runner.cleanup()  # lets requests in flight finish first


async def _require_ready(app: web.Application) -> None:
    try:
        await app[SCHEME].ready()
    except web.HTTPServiceUnavailable as error:
        why = f" ({str(error.__cause__).rstrip('.')})" if str(error.__cause__ or "") else ""
        raise CannotStartError(
            f"The store does not answer, or refuses{why}. Start it, correct REDIS_URL (LOOKUP_URL for "
            "token-lookup), or leave that unset to do without one of your own."
        ) from None


async def _listen(
    runner: web.AppRunner, host: str, port: int, keepalive_s: float, shared: bool
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    server = runner.server
    assert server is not None  # noqa: S101 - the runner is set up

    def protocol() -> DrainableRequestHandler:
        # Nothing here is large enough to come compressed, so nobody need be able to send a zip bomb.
        return DrainableRequestHandler(
            server, loop=loop, keepalive_timeout=keepalive_s, auto_decompress=False
        )

    try:
        return await loop.create_server(protocol, host, port, backlog=BACKLOG, reuse_port=shared or None)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStartError(
                f"Port {port} is taken. End what listens there, or give another with --port (0: any free)."
            ) from None
        raise CannotStartError(
            f"Cannot listen on {host}:{port}: {error.strerror}. Give another --host or --port."
        ) from None


def _loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop
