"""Several processes of one server behind one port.

Each listens there by itself (SO_REUSEPORT), and the kernel deals new connections out among them. What they
share is what several machines would: the secrets, the store, the accounts.
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

from servers.embedded_store import end_with_parent
from servers.errors import CannotStartError, UsageError
from servers.process.draining import UPLOAD_TIMEOUT_S
from servers.process.serving import SHUTDOWN_TIMEOUT_S

#: Seconds after which processes that were told to end are killed: all that they may take, and some more.
_PATIENCE_S: Final = UPLOAD_TIMEOUT_S + SHUTDOWN_TIMEOUT_S + 2

#: What a process writes to its parent once it accepts connections; else a line that says why it does not.
_READY: Final = b"ready\n"

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)

#: Serves at a port until it is told to end; calls what it is given once it accepts connections.
Serve = Callable[[int, Callable[[int], None]], None]


class Child(NamedTuple):
    """One of the processes, and a pipe on which it says that it is ready, and which ends when it does."""

    pid: int
    line: FileIO


def run(count: int, host: str, port: int, serve: Serve, ready: Callable[[int], None]) -> None:
    """Serve by so many processes until SIGTERM or SIGINT.

    Args:
        count: How many.
        host: Address to listen on.
        port: Port to listen on; 0 takes any that is free.
        serve: What each process does.
        ready: Called with the port once all accept connections.

    Raises:
        CannotStartError: The system has no SO_REUSEPORT, the port is taken, or a process ended.
        UsageError: A process found fault with its settings.
    """
    for number in _ENDING:
        signal.signal(number, lambda *_: sys.exit())
    with _held(host, port) as place, _ended_afterwards() as children:
        for _ in range(count):
            _start(place, serve, children)
        for child in children:
            if (said := child.line.readline()) != _READY:
                raise _failure(said, _wait_for(child, children))
        ready(place)
        ended, _, _ = select.select([child.line for child in children], [], [])
        first = next(child for child in children if child.line in ended)
        raise CannotStartError(
            f"Process {first.pid} of the server {_report(_wait_for(first, children))};"
            " the others were ended with it."
        )


@contextlib.contextmanager
def _held(host: str, port: int) -> Iterator[int]:
    """Hold a port for those who share it, and nobody else, as long as the context lasts; yields which."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise CannotStartError("This system has no SO_REUSEPORT: leave out --processes.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as place:  # it never listens
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else old connections keep the port
        try:
            place.bind((host, port))
        except OSError as error:
            raise CannotStartError(
                f"Cannot listen on {host}:{port}: {error.strerror}."
                " End what listens there, or give another --host or --port (0: any free)."
            ) from None
        # Only now: a socket that shares from the start would have joined another server at this port.
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield int(place.getsockname()[1])


@contextlib.contextmanager
def _ended_afterwards() -> Iterator[list[Child]]:
    """A list whose processes are told to end, and waited for, when the context is left."""
    children: list[Child] = []
    try:
        yield children
    finally:
        for number in _ENDING:  # asked again, it would leave before they have ended
            signal.signal(number, signal.SIG_IGN)
        for child in children:
            os.kill(child.pid, signal.SIGTERM)
        for child in _still_there(children):
            os.kill(child.pid, signal.SIGKILL)
        while children:
            _wait_for(children[0], children)


def _still_there(children: list[Child]) -> list[Child]:
    """Those that have not ended when patience has."""
    deadline = time.monotonic() + _PATIENCE_S
    there = {child.line: child for child in children}
    while there and (left_s := deadline - time.monotonic()) > 0:
        for line in select.select(list(there), [], [], left_s)[0]:
            if not line.read(4096):
                del there[line]
    return list(there.values())


def _wait_for(child: Child, children: list[Child]) -> int:
    """Take an ended process off the list; returns its exit code, negative for the signal that killed it."""
    _, status = os.waitpid(child.pid, 0)
    child.line.close()
    children.remove(child)
    return os.waitstatus_to_exitcode(status)


def _failure(said: bytes, code: int) -> CannotStartError:
    """The error of a process that would not start."""
    text = said.decode().strip() or f"A process of the server {_report(code)} before it was ready."
    return UsageError(text) if code == UsageError.exit_code else CannotStartError(text)


def _report(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _start(port: int, serve: Serve, children: list[Child]) -> None:
    """Start one of the processes; a signal between its start and its place on the list waits."""
    parent = os.getpid()
    line, tell = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        pid = os.fork()
        if pid == 0:
            _be_one(parent, port, serve, tell)
        children.append(Child(pid, FileIO(line)))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(tell)


def _be_one(parent: int, port: int, serve: Serve, tell: int) -> NoReturn:
    """Serve, and end without the clean-up that is the parent's."""
    code = 1
    try:
        # Until its event loop takes signals it ends by them at once: an exception in the middle of a loop's
        # start cannot be cleaned up after.
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        if end_with_parent(parent):
            serve(port, lambda _: _say(tell, _READY))
        code = 0
    except CannotStartError as error:
        _say(tell, f"{error}\n".encode())
        code = error.exit_code
    except (KeyboardInterrupt, SystemExit):
        code = 0
    except BaseException:  # noqa: BLE001 - nobody above would print it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _say(tell: int, line: bytes) -> None:
    os.write(tell, line)
