"""Web server of the command `view`."""

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

#: Loopback only: results may be confidential.
_HOST: Final = "127.0.0.1"
#: Seconds to finish pending responses when the viewer ends.
_SHUTDOWN_S: Final = 1.0


def view(folder: Path, port: int, *, open_browser: bool) -> None:
    """Serve the results below a folder until Ctrl-C.

    Args:
        folder: Folder of the results.
        port: Port to listen on; 0 for any free port.
        open_browser: Whether to open the page in a browser.

    Raises:
        SuiteError: The folder does not exist.
        EnvironmentFailedError: The port is in use.
    """
    if not folder.is_dir():
        raise SuiteError(
            f"{folder}: no such folder. Create it with a run (bench.py run quick), or pass another --results."
        )
    with _listener(port) as listener:
        asyncio.run(_serve(folder, listener, open_browser=open_browser))


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EnvironmentFailedError(
                f"port {port} is taken. Stop the program that uses it, or choose another with --port"
                " (0: any free port)."
            ) from None
        raise EnvironmentFailedError(
            f"cannot listen on {_HOST}:{port}: {error.strerror}. Choose another port with --port."
        ) from None


async def _serve(folder: Path, listener: socket.socket, *, open_browser: bool) -> None:
    # A client that disconnects cancels the handler of its stream.
    runner = web.AppRunner(
        create_app(folder), handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_S
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        url = f"http://localhost:{listener.getsockname()[1]}/"
        print(f"results in {folder}: {url}", flush=True)
        print("Press Ctrl-C to stop.", flush=True)
        if open_browser:
            await asyncio.to_thread(webbrowser.open, url)
        await asyncio.Event().wait()  # signals come as exceptions
    finally:
        await runner.cleanup()
