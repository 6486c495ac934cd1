"""Process of Locust's master, and the connection to it (`loadtests/distributed/master.py`)."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from typing import Any, Final

from harness.errors import EnvironmentFailedError
from harness.system import processes, secret, signals
from harness.system.temp_folders import temp_folder

_START_TIMEOUT_S: Final = 60
#: Seconds that the workers may take to end after the run.
_GOODBYE_S: Final = 3


class MasterProcess:
    """Process of Locust's master, from its start until `stop`; messages are lines of JSON.

    Args:
        host: Address of this machine to listen on for workers.
        port: Port to listen on; 0 for any free one.
        count: Number of workers to wait for.
        key: Secret of the run.

    Raises:
        EnvironmentFailedError: It did not start.
    """

    def __init__(self, host: str, port: int, count: int, key: str) -> None:
        self._buffer = bytearray()
        with ExitStack() as stack:
            folder = stack.enter_context(temp_folder())
            self._log, path = folder / "master.log", folder / "control.sock"
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(str(path))
                listener.listen(1)
                arguments = [
                    *("--host", host, "--port", str(port)),
                    *("--workers", str(count), "--control", str(path)),
                ]
                environment = {"HOME": str(folder), secret.NAME: key}
                master = processes.running(
                    "loadtests.distributed.master", arguments, log=self._log, environment=environment
                )
                self._process = stack.enter_context(master)
                self._connection = stack.enter_context(self._accepted(listener))
            self._stack = stack.pop_all()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def send(self, order: dict[str, Any]) -> None:
        """Send a command; if the process is gone, `receive` raises."""
        with suppress(OSError):
            self._connection.sendall(json.dumps(order).encode() + b"\n")

    def has_message(self) -> bool:
        """Whether a message can be received at once."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            return b"\n" in self._buffer or bool(selector.select(0))

    def receive(self, deadline: float) -> dict[str, Any] | None:
        """Return the next message; None if none came in time. Raises EnvironmentFailedError if it ended."""
        while b"\n" not in self._buffer:
            self._connection.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                data = self._connection.recv(65536)
            except TimeoutError:
                return None
            except ConnectionResetError:
                data = b""
            if not data:
                raise self._ended_error()
            self._buffer += data
        text, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        return dict(json.loads(text))

    def port(self) -> int:
        """Return its port, which is its first message; raises EnvironmentFailedError if none came."""
        message = self.receive(time.monotonic() + _START_TIMEOUT_S)
        if message is None or message["what"] != "listening":
            raise EnvironmentFailedError(f"Locust's master sent {message} instead of its port.")
        return int(message["port"])

    def stop(self, why: str) -> None:
        """Dismiss the workers, and stop the process."""
        with signals.deferred(), self._stack:
            self.send({"over": why})
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=0 if signals.is_forced() else _GOODBYE_S)

    def _accepted(self, listener: socket.socket) -> socket.socket:
        """Return the connection of the process to a listening socket."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        listener.settimeout(0.2)
        while True:
            try:
                return listener.accept()[0]
            except TimeoutError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise self._ended_error() from None

    def _ended_error(self) -> EnvironmentFailedError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        return EnvironmentFailedError(f"Locust's master ended: {processes.log_end(self._log)}")
