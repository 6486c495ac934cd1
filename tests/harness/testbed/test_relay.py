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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[socket.socket]:
    """Where the relay leads to."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "store"))
        listener.listen()
        listener.settimeout(10)
        yield listener


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Path]:
    """A relay's socket; its control socket is beside it."""
    paths = [f"--{name}={tmp_path / name}" for name in ("socket", "store", "control")]
    process = processes.start("harness.testbed.store.relay", paths, log=tmp_path / "log")
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield tmp_path / "socket"
    finally:
        processes.terminate([process])


def through(way: Path, store: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection through the relay."""
    near = socket.socket(socket.AF_UNIX)
    near.settimeout(10)
    near.connect(str(way))
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


def test_all_of_it_arrives_in_order(way: Path, store: socket.socket) -> None:
    """Both ways, in pieces smaller than what was sent at once."""
    relay.set_delay(way.with_name("control"), 500)
    near, far = through(way, store)
    with near, far:
        sent = bytes(range(256)) * 400
        for begin in range(0, len(sent), 5000):
            near.sendall(sent[begin : begin + 5000])
        assert received(far, len(sent)) == sent
        far.sendall(sent[:300])
        assert received(near, 300) == sent[:300]


@pytest.mark.parametrize("delay_ms", [0, 1, 40])
def test_a_round_trip_takes_no_less_than_was_told(way: Path, store: socket.socket, delay_ms: int) -> None:
    """Half of it each way, for every connection, from the moment that it was told."""
    near, far = through(way, store)
    with near, far:
        relay.set_delay(way.with_name("control"), delay_ms * 1000)
        begun = time.monotonic()
        near.sendall(b"ping")
        assert received(far, 4) == b"ping"
        far.sendall(b"pong")
        assert received(near, 4) == b"pong"
        assert time.monotonic() - begun >= delay_ms / 1000


def test_connections_do_not_wait_for_each_other(way: Path, store: socket.socket) -> None:
    """While one is an hour away, another is served at once."""
    first, second = through(way, store), through(way, store)
    relay.set_delay(way.with_name("control"), 3600e6)
    first[0].sendall(b"slow")
    while unread(first[0]):
        time.sleep(0.01)
    relay.set_delay(way.with_name("control"), 0)
    second[0].sendall(b"quick")
    assert received(second[1], 5) == b"quick"
    first[1].setblocking(False)
    with pytest.raises(BlockingIOError):
        first[1].recv(1)
    for end in (*first, *second):
        end.close()


def test_an_end_is_handed_on_after_what_was_sent(way: Path, store: socket.socket) -> None:
    """Who closes is heard to the last byte; the other end then closes too."""
    relay.set_delay(way.with_name("control"), 20_000)
    near, far = through(way, store)
    with near, far:
        near.sendall(b"last words")
        near.close()
        assert far.makefile("rb").read() == b"last words"


def test_a_store_that_is_gone(way: Path, store: socket.socket) -> None:
    """Who connects is hung up on, as the store's own socket would; the relay lives on."""
    store.close()
    for _ in range(2):
        with socket.socket(socket.AF_UNIX) as near:
            near.settimeout(10)
            near.connect(str(way))
            assert near.recv(1) == b""


def test_more_connections_than_select_can_number(way: Path, store: socket.socket) -> None:
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
