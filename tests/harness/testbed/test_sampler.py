"""The watch over a run's processes, on real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from harness.analysis.growth import DESCRIPTORS, MEMORY, growths
from harness.results.model import Vitals
from harness.suites.model import Load, Scenario
from harness.testbed.sampler import ProcessSampler

SCENARIO = Scenario(name="steady", load=Load(model="open", rate=100), seconds=30)
#: A process that, told so by a line, keeps another 200 kB and another open file for ever; or does not.
PROGRAM = """
import sys
kept = []
for line in sys.stdin:
    if sys.argv[1] == "leaks":
        kept.append((bytearray(b"x" * 200_000), open("/dev/null")))
    print("done", flush=True)
"""


class Clock:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now


@contextmanager
def program(kind: str) -> Iterator[subprocess.Popen[str]]:
    """The program above, until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def go_on(process: subprocess.Popen[str]) -> None:
    """Have the program do its one thing, and wait until it is done."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def leaking(row: Vitals) -> list[str]:
    """What a process was found to leak."""
    return [one.quantity.name for one in growths(row, 0.99) if one.leaks]


def test_a_process_that_leaks_is_found_and_its_neighbour_is_not() -> None:
    """Two real processes over 60 looks: one keeps memory and files, the other only lives."""
    clock = Clock()
    watch = ProcessSampler(60, clock)
    with program("leaks") as leaky, program("lives") as sound:
        watch.follow("leaky", leaky.pid, "cookie")
        watch.follow("sound", sound.pid)
        for _ in range(60):
            go_on(leaky)
            go_on(sound)
            watch.look()
            clock.now += 1
    one, other = watch.vitals(SCENARIO)
    assert (one.process, one.arm, other.process, other.arm) == ("leaky", "cookie", "sound", None)
    assert one.at_s == [float(second) for second in range(60)]
    assert one.descriptors[-1] - one.descriptors[0] == 59
    assert leaking(one) == [MEMORY.name, DESCRIPTORS.name]
    assert leaking(other) == []


def test_threads_are_counted() -> None:
    """A thread more is one more."""
    clock, done = Clock(), threading.Event()
    watch = ProcessSampler(60, clock)
    with program("lives") as process:
        watch.follow("own", process.pid)
        watch.follow("this", os.getpid())
        watch.look()
        thread = threading.Thread(target=done.wait)
        thread.start()
        clock.now += 1
        watch.look()
        done.set()
        thread.join()
    own, this = watch.vitals(SCENARIO)
    assert own.threads == [1, 1]
    assert this.threads[1] - this.threads[0] == 1


def test_a_short_run_is_looked_at_every_second_and_a_long_one_some_240_times() -> None:
    """However many slots there are, a result file stays small."""
    for seconds, looks in ((25, 25), (1200, 240)):
        clock = Clock()
        watch = ProcessSampler(seconds, clock)
        with program("lives") as process:
            watch.follow("own", process.pid)
            for _ in range(seconds * 4):
                watch.look()
                clock.now += 0.25
        [row] = watch.vitals(SCENARIO)
        assert len(row.at_s) == len(row.rss) == len(row.descriptors) == len(row.threads) == looks


def test_slots_of_an_odd_length_are_not_looked_at_more_rarely() -> None:
    """One look a second on average, though every slot of 0.75 s ends before or after a full second."""
    clock = Clock()
    watch = ProcessSampler(60, clock)
    with program("lives") as process:
        watch.follow("own", process.pid)
        for _ in range(80):
            watch.look()
            clock.now += 0.75
    assert len(watch.vitals(SCENARIO)[0].at_s) == 60


def test_a_process_that_ends_is_looked_at_no_more() -> None:
    """What was seen of it stays; the others go on; one that is gone before is left out."""
    clock = Clock()
    watch = ProcessSampler(60, clock)
    with program("lives") as stays:
        with program("lives") as goes:
            watch.follow("goes", goes.pid)
            watch.follow("stays", stays.pid)
            watch.look()
        watch.follow("gone", goes.pid)
        clock.now += 1
        watch.look()
    assert [(row.process, row.at_s) for row in watch.vitals(SCENARIO)] == [
        ("goes", [0.0]),
        ("stays", [0.0, 1.0]),
    ]
