"""The relay before the store: everything arrives, in order, no sooner than it is told."""

from __future__ import annotations

import contextlib
import fcntl
import resource
import socket
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.system import processes
from harness.testbed.store import relay


@pytest.fixture(params=["unix", "tcp"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """Where the relay leads to, by either kind of socket."""
    if request.param == "tcp":
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "store"))
        listener.listen(1024)
    with listener:
        listener.settimeout(10)
        yield listener


class Way:
    """A relay: its address, and the socket that sets its delay."""

    def __init__(self, address: str, control: Path) -> None:
        self.address = address
        self.control = control

    def connect(self) -> socket.socket:
        """A connection to it, which nobody has accepted at the other end."""
        if self.address.startswith("unix:"):
            near = socket.socket(socket.AF_UNIX)
            near.settimeout(10)
            near.connect(self.address.removeprefix("unix:"))
            return near
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=10)


@pytest.fixture
def way(tmp_path: Path, store: socket.socket) -> Iterator[Way]:
    """A relay to the store, by the same kind of socket."""
    listen, to = f"unix:{tmp_path / 'socket'}", f"unix:{tmp_path / 'store'}"
    if store.family == socket.AF_INET:
        listen, to = "127.0.0.1:0", f"127.0.0.1:{store.getsockname()[1]}"
    options = ["--listen", listen, "--store", to, "--control", str(tmp_path / "control")]
    process = processes.start("harness.testbed.store.relay", options, log=tmp_path / "log")
    try:
        assert process.stdout is not None
        ready, address = process.stdout.readline().decode().split()
        assert ready == "ready"
        assert address == listen or (listen == "127.0.0.1:0" and not address.endswith(":0"))
        yield Way(address, tmp_path / "control")
    finally:
        processes.terminate([process])


def through(way: Way, store: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection through the relay."""
    near = way.connect()
    far, _ = store.accept()
    far.settimeout(10)
    return near, far


def unread(end: socket.socket) -> int:
    """How much of what was sent has not been taken yet."""
    return int.from_bytes(fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def received(end: socket.socket, size: int) -> bytes:
    """So many bytes, however they come."""
    with end.makefile("rb") as file:
        return file.read(size)


def test_all_of_it_arrives_in_order(way: Way, store: socket.socket) -> None:
    """Both ways, in pieces smaller than what was sent at once."""
    relay.set_delay(way.control, 500)
    near, far = through(way, store)
    with near, far:
        sent = bytes(range(256)) * 400
        for begin in range(0, len(sent), 5000):
            near.sendall(sent[begin : begin + 5000])
        assert received(far, len(sent)) == sent
        far.sendall(sent[:300])
        assert received(near, 300) == sent[:300]


@pytest.mark.parametrize("delay_ms", [0, 1, 40])
def test_a_round_trip_takes_no_less_than_was_told(way: Way, store: socket.socket, delay_ms: int) -> None:
    """Half of it each way, for every connection, from the moment that it was told."""
    near, far = through(way, store)
    with near, far:
        relay.set_delay(way.control, delay_ms * 1000)
        begun = time.monotonic()
        near.sendall(b"ping")
        assert received(far, 4) == b"ping"
        far.sendall(b"pong")
        assert received(near, 4) == b"pong"
        assert time.monotonic() - begun >= delay_ms / 1000


@pytest.mark.parametrize("store", ["unix"], indirect=True)  # of TCP the kernel takes all before the relay
def test_connections_do_not_wait_for_each_other(way: Way, store: socket.socket) -> None:
    """While one is an hour away, another is served at once."""
    first, second = through(way, store), through(way, store)
    relay.set_delay(way.control, 3600e6)
    first[0].sendall(b"slow")
    while unread(first[0]):
        time.sleep(0.01)
    relay.set_delay(way.control, 0)
    second[0].sendall(b"quick")
    assert received(second[1], 5) == b"quick"
    first[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        first[1].recv(1)
    for end in (*first, *second):
        end.close()


def test_an_end_is_handed_on_after_what_was_sent(way: Way, store: socket.socket) -> None:
    """Who closes is heard to the last byte; the other end then closes too."""
    relay.set_delay(way.control, 20_000)
    near, far = through(way, store)
    with near, far:
        near.sendall(b"last words")
        near.close()
        assert far.makefile("rb").read() == b"last words"


def test_a_store_that_is_gone(way: Way, store: socket.socket) -> None:
    """Who connects is hung up on, as the store's own socket would; the relay lives on."""
    store.close()
    for _ in range(2):
        with way.connect() as near:
            assert near.recv(1) == b""


def test_small_parts_do_not_wait_for_each_other(way: Way, store: socket.socket) -> None:
    """What comes in two parts is handed on in two: neither end waits for the other's acknowledgement."""
    near, far = through(way, store)
    with near, far:
        for end in (near, far):
            if end.family == socket.AF_INET:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.monotonic()
        for _ in range(50):
            near.sendall(b"o")
            near.sendall(b"ne")
            assert received(far, 3) == b"one"
        # With Nagle's algorithm each second part would wait for 40 ms.
        assert time.monotonic() - begun < 50 * 0.04


def test_more_connections_than_select_can_number(way: Way, store: socket.socket) -> None:
    """Six hundred, of two sockets each: the last is served as the first is."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 4096:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, before[1]))
    try:
        with contextlib.ExitStack() as stack:
            pairs = [tuple(map(stack.enter_context, through(way, store))) for _ in range(600)]
            for near, far in (pairs[0], pairs[-1]):
                near.sendall(b"ping")
                assert received(far, 4) == b"ping"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
