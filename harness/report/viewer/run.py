"""What the command `view` does: serves until it is told to end."""

from __future__ import annotations

import asyncio
import errno
import socket
import webbrowser
from pathlib import Path
from typing import Final

from aiohttp import web

from harness.errors import EnvironmentFailedError, SuiteError
from harness.report.viewer.server import create_app

#: Loopback, and no other: what is served is nobody else's business.
_HOST: Final = "127.0.0.1"
#: Seconds that an answer under way gets when the viewer ends.
_SHUTDOWN_S: Final = 1.0


def view(folder: Path, port: int, *, open_browser: bool) -> None:
    """Serve the results below a folder until Ctrl-C.

    Args:
        folder: Of results.
        port: Where; 0 takes any that is free.
        open_browser: Show it at once.

    Raises:
        SuiteError: There is no such folder.
        EnvironmentFailedError: The port is taken.
    """
    if not folder.is_dir():
        raise SuiteError(f"{folder}: no such folder. A run makes it: bench.py run quick; or name another.")
    with _listener(port) as listener:
        asyncio.run(_serve(folder, listener, open_browser=open_browser))


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EnvironmentFailedError(
                f"port {port} is taken. End what listens there, or name another with --port (0: any free)."
            ) from None
        raise EnvironmentFailedError(
            f"cannot listen on {_HOST}:{port}: {error.strerror}. Name another port with --port."
        ) from None


async def _serve(folder: Path, listener: socket.socket, *, open_browser: bool) -> None:
    # Whoever hangs up ends the stream that he was sent.
    runner = web.AppRunner(
        create_app(folder), handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_S
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        url = f"http://localhost:{listener.getsockname()[1]}/"
        print(f"results in {folder}: {url}", flush=True)
        print("Ctrl-C ends it.", flush=True)
        if open_browser:
            await asyncio.to_thread(webbrowser.open, url)
        await asyncio.Event().wait()  # signals come as exceptions
    finally:
        await runner.cleanup()
