"""Server with several processes on one port.

Each process has its own listening socket (SO_REUSEPORT), and the kernel distributes new connections among
them. They share what several machines would share: the secrets, the store, the accounts.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from io import FileIO
from typing import Final, NamedTuple, NoReturn

from servers.contract import authority
from servers.embedded_store import end_with_parent
from servers.errors import CannotStartError, UsageError
from servers.process.serving import SHUTDOWN_TIMEOUT_S, UPLOAD_TIMEOUT_S

#: Seconds from SIGTERM until a process is killed: the time allowed for a graceful shutdown, plus a margin.
_STOP_TIMEOUT_S: Final = UPLOAD_TIMEOUT_S + SHUTDOWN_TIMEOUT_S + 2

#: Line that a process writes to its parent once it accepts connections; any other line is an error message.
_READY: Final = b"ready\n"

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

#: Serves on a port until a stop signal arrives; calls the callback once it accepts connections.
Serve = Callable[[int, Callable[[int], None]], None]


class Child(NamedTuple):
    """Process id of a server process, and a pipe with its ready line, which closes when the process ends."""

    pid: int
    pipe: FileIO


def run(count: int, host: str, port: int, serve: Serve, ready: Callable[[int], None]) -> None:
    """Serve with several processes until SIGTERM or SIGINT.

    Args:
        count: Number of processes.
        host: Address to listen on.
        port: Port to listen on; 0 selects a free one.
        serve: Function that each process runs.
        ready: Called with the port once all processes accept connections.

    Raises:
        CannotStartError: The system has no SO_REUSEPORT, the port is in use, or a process exited.
        UsageError: A process rejected its settings.
    """
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: sys.exit())
    with _reserved_port(host, port) as reserved, _stopped_at_exit() as children:
        for _ in range(count):
            _start(reserved, serve, children)
        for child in children:
            if (line := child.pipe.readline()) != _READY:
                raise _failure(line, _wait_for(child, children))
        ready(reserved)
        closed, _, _ = select.select([child.pipe for child in children], [], [])
        first = next(child for child in children if child.pipe in closed)
        raise CannotStartError(
            f"Process {first.pid} of the server {_exit_reason(_wait_for(first, children))};"
            " the other processes were stopped."
        )


@contextlib.contextmanager
def _reserved_port(host: str, port: int) -> Iterator[int]:
    """Reserve a port for the processes of this server during the context; yields the port."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise CannotStartError("This system has no SO_REUSEPORT: omit --processes.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as reservation:  # never listens
        # Otherwise old connections would block the port.
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            reservation.bind((host, port))
        except OSError as error:
            raise CannotStartError(
                f"Cannot listen at {authority(host, port)}: {error.strerror}."
                " Stop the process that uses it, or set another --host or --port (0: any free port)."
            ) from None
        # Set only now: with SO_REUSEPORT from the start, bind would have joined another server on this port.
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield int(reservation.getsockname()[1])


@contextlib.contextmanager
def _stopped_at_exit() -> Iterator[list[Child]]:
    """Yield a list of processes, which are stopped and waited for when the context ends."""
    children: list[Child] = []
    try:
        yield children
    finally:
        for number in _STOP_SIGNALS:  # a second signal would end this process before the children
            signal.signal(number, signal.SIG_IGN)
        for child in children:
            os.kill(child.pid, signal.SIGTERM)
        for child in _survivors(children):
            os.kill(child.pid, signal.SIGKILL)
        while children:
            _wait_for(children[0], children)


def _survivors(children: list[Child]) -> list[Child]:
    """Return the processes that are still running after `_STOP_TIMEOUT_S`."""
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    running = {child.pipe: child for child in children}
    while running and (left_s := deadline - time.monotonic()) > 0:
        for pipe in select.select(list(running), [], [], left_s)[0]:
            if not pipe.read(4096):
                del running[pipe]
    return list(running.values())


def _wait_for(child: Child, children: list[Child]) -> int:
    """Wait for a process and remove it from the list; return its exit code (negative: killed by a signal)."""
    _, status = os.waitpid(child.pid, 0)
    child.pipe.close()
    children.remove(child)
    return os.waitstatus_to_exitcode(status)


def _failure(line: bytes, code: int) -> CannotStartError:
    """Return the error of a process that did not start."""
    text = line.decode().strip() or f"A process of the server {_exit_reason(code)} before it was ready."
    return UsageError(text) if code == UsageError.exit_code else CannotStartError(text)


def _exit_reason(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"


def _start(port: int, serve: Serve, children: list[Child]) -> None:
    """Start a process; signals are blocked until it is in the list."""
    parent = os.getpid()
    read_end, write_end = os.pipe()
    previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _run_child(parent, port, serve, write_end)
        children.append(Child(pid, FileIO(read_end)))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)
        os.close(write_end)


def _run_child(parent: int, port: int, serve: Serve, write_end: int) -> NoReturn:
    """Serve, then exit without the clean-up that belongs to the parent."""
    code = 1
    try:
        # Until the event loop handles signals, they terminate the process: an exception raised while a loop
        # starts cannot be cleaned up after.
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        if end_with_parent(parent):
            serve(port, lambda _: _write(write_end, _READY))
        code = 0
    except CannotStartError as error:
        _write(write_end, f"{error}\n".encode())
        code = error.exit_code
    except (KeyboardInterrupt, SystemExit):
        code = 0
    except BaseException:  # noqa: BLE001 - no caller would print it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _write(write_end: int, line: bytes) -> None:
    os.write(write_end, line)
