"""Locust's master as a process beside the harness, and the line to it (`loadtests/distributed/master.py`)."""

from __future__ import annotations

import json
import selectors
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from typing import Any, Final

from harness.errors import EnvironmentFailedError
from harness.system import processes, secret, signals, temp_folders

_START_TIMEOUT_S: Final = 60
#: Who was told that the run is over may take so long to end.
_GOODBYE_S: Final = 3


class MasterProcess:
    """The master; a JSON object a line, both ways, from its making until `end`.

    Args:
        host: Address of this machine at which it listens for workers.
        port: The same; 0 for any free one.
        count: How many workers there are to be.
        key: The run's secret.

    Raises:
        EnvironmentFailedError: It did not start.
    """

    def __init__(self, host: str, port: int, count: int, key: str) -> None:
        self._line: socket.socket | None = None
        self._buffer = bytearray()
        self._started: list[subprocess.Popen[bytes]] = []
        with signals.deferred():
            self._folder, self._owner = temp_folders.make_folder()
        self._log = self._folder / "master.log"
        try:
            self._start(host, port, count, key)
        except BaseException:
            self.end("it could not start")
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._started[0].pid

    def send(self, order: dict[str, Any]) -> None:
        """Say what to do; where nobody listens, `hear` tells."""
        if self._line is not None:
            with suppress(OSError):
                self._line.sendall(json.dumps(order).encode() + b"\n")

    def has_news(self) -> bool:
        """Whether something can be heard at once."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._open_line(), selectors.EVENT_READ)
            return b"\n" in self._buffer or bool(selector.select(0))

    def hear(self, deadline: float) -> dict[str, Any] | None:
        """What it says next; None where it says nothing until then; EnvironmentFailedError if it is gone."""
        line = self._open_line()
        while b"\n" not in self._buffer:
            line.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                data = line.recv(65536)
            except TimeoutError:
                return None
            except ConnectionResetError:
                data = b""
            if not data:
                raise self._died()
            self._buffer += data
        text, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer[:] = rest
        return dict(json.loads(text))

    def port(self) -> int:
        """Where it listens, which is the first that it says; EnvironmentFailedError if it does not."""
        news = self.hear(time.monotonic() + _START_TIMEOUT_S)
        if news is None or news["what"] != "listening":
            raise EnvironmentFailedError(f"Locust's master said {news} where it was to say where it listens.")
        return int(news["port"])

    def end(self, why: str) -> None:
        """Tell it, and through it the workers, that there is nothing more to do, and end it."""
        with signals.deferred():
            self.send({"over": why})
            if self._line is not None:
                with suppress(subprocess.TimeoutExpired):
                    self._started[0].wait(timeout=0 if signals.is_forced() else _GOODBYE_S)
                self._line.close()
            processes.terminate(self._started)
            shutil.rmtree(self._folder, ignore_errors=True)
            if self._owner is not None:
                self._owner.release()

    def _start(self, host: str, port: int, count: int, key: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            path = self._folder / "control.sock"
            listener.bind(str(path))
            listener.listen(1)
            arguments = [
                *("--host", host, "--port", str(port)),
                *("--workers", str(count), "--control", str(path)),
            ]
            environment = {"HOME": str(self._folder), secret.NAME: key}
            with signals.deferred():
                process = processes.start(
                    "loadtests.distributed.master", arguments, log=self._log, environment=environment
                )
                self._started.append(process)
            deadline = time.monotonic() + _START_TIMEOUT_S
            listener.settimeout(0.2)
            while self._line is None:
                try:
                    self._line, _ = listener.accept()
                except TimeoutError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise self._died() from None

    def _open_line(self) -> socket.socket:
        if self._line is None:
            raise AssertionError("it has not started")
        return self._line

    def _died(self) -> EnvironmentFailedError:
        with suppress(subprocess.TimeoutExpired):
            self._started[0].wait(timeout=5)
        return EnvironmentFailedError(f"Locust's master ended: {processes.log_end(self._log)}")
