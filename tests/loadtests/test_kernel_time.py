"""When what a socket reads had come in."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from time import perf_counter_ns

import pytest

from loadtests import kernel_time
from tests.loadtests.in_locust import in_locust

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of a TCP connection on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = socket.create_connection(listener.getsockname())
        there, _ = listener.accept()
    with here, there:
        yield here, there


def noted(pair: Pair) -> Pair:
    """The same, once the kernel does take notes: it begins a little after the first socket of all asked."""
    here, there = pair
    kernel_time.note(there)
    for _ in range(1000):
        here.send(b"a trial")
        if there.recvmsg(100, socket.CMSG_SPACE(16))[1]:
            return pair
        time.sleep(0.01)
    raise AssertionError("the kernel takes no notes")


def sent(here: socket.socket) -> tuple[int, int]:
    """Send something; from when to when it took."""
    since_ns = perf_counter_ns()
    here.send(b"something")
    return since_ns, perf_counter_ns()


@linux
def test_bytes_that_lay_in_the_socket_came_in_when_they_were_sent(pair: Pair) -> None:
    """They are read 50 ms later; on loopback they arrive while the sender still sends."""
    here, there = noted(pair)
    since_ns, until_ns = sent(here)
    time.sleep(0.05)
    data, arrived_ns = kernel_time.read(there, since_ns)
    assert data == b"something"
    assert since_ns <= arrived_ns <= until_ns
    assert kernel_time.answers_end() == "arrived"


@linux
def test_the_end_of_a_connection_is_nothing_read(pair: Pair) -> None:
    """It has no note, and is dated to its reading."""
    here, there = noted(pair)
    here.close()
    before_ns = perf_counter_ns()
    data, arrived_ns = kernel_time.read(there, 0)
    assert data == b""
    assert before_ns <= arrived_ns


@linux
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wall_clock_that_was_set_is_not_believed(
    pair: Pair, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An arrival before the sending or in the future cannot be: the time of reading counts."""
    here, there = noted(pair)
    since_ns, until_ns = sent(here)
    monkeypatch.setattr(kernel_time, "time_ns", lambda: time.time_ns() + hours * 3600 * 10**9)
    assert until_ns <= kernel_time.read(there, since_ns)[1] <= perf_counter_ns()


def test_where_the_kernel_does_not_tell_the_time_of_reading_counts(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS."""
    monkeypatch.setattr(kernel_time, "_IS_SUPPORTED", False)
    assert kernel_time.answers_end() == "read"
    here, there = pair
    kernel_time.note(there)
    since_ns, until_ns = sent(here)
    assert until_ns <= kernel_time.read(there, since_ns)[1]


@linux
def test_an_answer_does_not_take_as_long_as_the_load_generator_was_busy() -> None:
    """It came at once and was read half a second later; its time is from sending to its arrival."""
    code = """
import time
from gevent import spawn
connection = serving(OK, OK)
connection.exchange(GET)
begun = time.perf_counter_ns()
reader = spawn(connection.exchange, GET)
gevent.sleep(0)
gevent.sleep(0)
time.sleep(0.5)
answer = reader.get()
print(answer.read_ns - answer.sent_ns, time.perf_counter_ns() - begun)
"""
    took_ns, all_ns = map(int, in_locust(code).split())
    assert took_ns < all_ns - 400_000_000
