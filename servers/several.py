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
import traceback
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, NoReturn

from servers.embedded_store import end_with_parent
from servers.errors import CannotStartError

#: What a process writes to its parent once it accepts connections.
_READY: Final = b"."

#: Serves at a port until it is told to end; calls what it is given once it accepts connections.
Serve = Callable[[int, Callable[[int], None]], None]


class Child(NamedTuple):
    """One of the processes, and a pipe on which it says that it is ready, and which ends when it does."""

    pid: int
    line: int


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
    """
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    with _held(host, port) as place, _ended_afterwards() as children:
        for _ in range(count):
            children.append(_start(place, serve))
        for child in children:
            if os.read(child.line, 1) != _READY:
                raise CannotStartError("A process of the server would not start; it said why.")
        ready(place)
        select.select([child.line for child in children], [], [])  # until one of them ends
        raise CannotStartError("A process of the server ended, and the others with it.")


@contextlib.contextmanager
def _held(host: str, port: int) -> Iterator[int]:
    """Hold a port for those who share it, as long as the context lasts; yields which."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise CannotStartError("This system has no SO_REUSEPORT: leave out --processes.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as place:  # it never listens
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            place.bind((host, port))
        except OSError as error:
            raise CannotStartError(
                f"Cannot listen on {host}:{port}: {error.strerror}. Give another --host or --port."
            ) from None
        yield int(place.getsockname()[1])


@contextlib.contextmanager
def _ended_afterwards() -> Iterator[list[Child]]:
    """A list whose processes are told to end, and waited for, when the context is left."""
    children: list[Child] = []
    try:
        yield children
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        for child in children:
            os.waitpid(child.pid, 0)
            os.close(child.line)


def _start(port: int, serve: Serve) -> Child:
    """Start one of the processes."""
    parent = os.getpid()
    line, tell = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _be_one(parent, port, serve, tell)
    os.close(tell)
    return Child(pid, line)


def _be_one(parent: int, port: int, serve: Serve, tell: int) -> NoReturn:
    """Serve, and end without the clean-up that is the parent's."""
    code = 1
    try:
        if end_with_parent(parent):
            serve(port, lambda _: _say(tell))
        code = 0
    except CannotStartError as error:
        print(error, file=sys.stderr)
        code = error.exit_code
    except (KeyboardInterrupt, SystemExit):
        code = 0
    except BaseException:  # noqa: BLE001 - nobody above would print it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _say(tell: int) -> None:
    os.write(tell, _READY)
