"""CPU time of a process: threads and children that end between two readings, and while one is taken."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import psutil
import pytest

from harness.testbed import cpu_clock
from harness.testbed.meters import ProcessMeter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts this")

#: Works as a line says (`thread 20`: so many requests of 5 ms of CPU, each in a thread or process of its
#: own), then answers with its own clocks: of itself, and of the children that it has waited for.
_WORKER = """
import os, resource, sys, threading, time
def work():
    end_ns = time.thread_time_ns() + 5_000_000
    while time.thread_time_ns() < end_ns:
        pass
def in_thread():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
def in_process():
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    os.waitpid(pid, 0)
def in_grandchild():
    pid = os.fork()
    if not pid:
        in_process()
        os._exit(0)
    os.waitpid(pid, 0)
kinds = {"inline": work, "thread": in_thread, "process": in_process, "grandchild": in_grandchild}
for line in sys.stdin:
    kind, requests = line.split()
    for _ in range(int(requests)):
        kinds[kind]()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(time.process_time_ns() + round((ended.ru_utime + ended.ru_stime) * 1e9), flush=True)
"""


@contextmanager
def worker() -> Iterator[subprocess.Popen[str]]:
    """One that works as it is asked to."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", _WORKER], stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def clock_after(process: subprocess.Popen[str], request: str) -> int:
    """What the worker's own clocks say after some work."""
    cast(IO[str], process.stdin).write(request + "\n")
    cast(IO[str], process.stdin).flush()
    return int(cast(IO[str], process.stdout).readline())


@pytest.mark.parametrize("kind", ["inline", "thread", "process", "grandchild"])
def test_what_ended_between_two_readings_counts(kind: str) -> None:
    """Within 3 % of the server's own clocks, which are those of its kernel."""
    with worker() as process:
        meter = ProcessMeter(process.pid)
        own_ns = -clock_after(process, "inline 1")
        before = meter.cpu()
        own_ns += clock_after(process, f"{kind} 200")
        read_ns = meter.cpu().on_ns - before.on_ns
    assert own_ns >= 1_000_000_000
    assert read_ns == pytest.approx(own_ns, rel=0.03)


@pytest.mark.parametrize(("kind", "have_ended"), [("inline", False), ("thread", True), ("process", True)])
def test_the_share_of_the_ended_is_known(kind: str, have_ended: bool) -> None:
    """How long they waited for a CPU is not: what is left tells nothing of it."""
    with worker() as process:
        clock_after(process, "inline 1")
        before = cpu_clock.read([process.pid])
        clock_after(process, f"{kind} 20")
        after = cpu_clock.read([process.pid])
    share = (after.ended_ns - before.ended_ns) / (after.on_ns - before.on_ns)
    assert (share > 0.5) is have_ended
    assert (share < 0.05) is not have_ended


def test_a_child_that_nobody_waited_for_yet_counts_once() -> None:
    """First by its own clock, then in its parent's account, and never by both."""
    child = os.fork()
    if not child:
        while time.process_time() < 0.3:
            pass
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    burnt_ns = cpu_clock.cpu_ns(child)
    ended = cpu_clock.read([os.getpid()]).on_ns
    os.waitpid(child, 0)
    waited_for = cpu_clock.read([os.getpid()]).on_ns
    assert burnt_ns >= 300_000_000
    assert waited_for - ended < 100_000_000
    with pytest.raises(psutil.NoSuchProcess):
        cpu_clock.cpu_ns(child)


def test_a_reading_beside_threads_that_end_never_jumps() -> None:
    """The clock goes forward, by no more than there is between two readings."""
    program = "import threading\nwhile True: threading.Thread(target=sum, args=([1],)).start()"
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        meter = ProcessMeter(process.pid)
        before, before_ns = meter.cpu(), time.monotonic_ns()
        for _ in range(300):
            after = meter.cpu()
            now_ns = time.monotonic_ns()
            room_ns = (now_ns - before_ns) * (os.cpu_count() or 1) + 50_000_000
            assert 0 <= after.on_ns - before.on_ns < room_ns
            before, before_ns = after, now_ns
    finally:
        process.kill()
        process.wait()


def test_a_process_that_has_ended_is_no_cpu_time() -> None:
    """None is left of it, and nothing is raised: another of the same server may be."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert cpu_clock.read([process.pid]) == cpu_clock.CpuReading(0)
    assert cpu_clock.read([]) == cpu_clock.CpuReading(0)


def test_the_cpus_that_it_may_use_are_watched() -> None:
    """One CPU alone: a thread of ours that spins there makes it busy, beside a process that sleeps."""
    cpu = min(os.sched_getaffinity(0))
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    stop = threading.Event()

    def spin() -> None:
        os.sched_setaffinity(threading.get_native_id(), [cpu])
        while not stop.is_set():
            pass

    thread = threading.Thread(target=spin)
    try:
        os.sched_setaffinity(process.pid, [cpu])
        before = cpu_clock.read([process.pid])
        spun_ns = time.process_time_ns()
        thread.start()
        while time.process_time_ns() - spun_ns < 500_000_000:
            time.sleep(0.01)
        after = cpu_clock.read([process.pid])
    finally:
        stop.set()
        thread.join()
        process.kill()
        process.wait()
    assert after.cpus == 1
    assert after.on_ns - before.on_ns < 50_000_000
    assert after.cpus_busy_ns - before.cpus_busy_ns > 300_000_000
    assert after.cpus_irq_ns >= before.cpus_irq_ns
