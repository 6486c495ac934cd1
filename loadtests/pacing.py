"""When requests are sent: as soon as answered (closed loop), or on a schedule (open loop).

Every user of a run takes part in every phase: all start together, and the phase is over when the last one's
request is answered. What the servers did in a phase is then exactly what was sent in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Final, Protocol

import gevent
from gevent.event import Event
from gevent.hub import get_hub
from gevent.lock import Semaphore

#: libev's timers tick in milliseconds: sleep no closer than this to an arrival, and yield in a loop after it.
_SLEEP_MARGIN_NS: Final = 1_500_000
#: How long gevent may run greenlets before it looks at sockets again. Its default of 5 ms would keep answers
#: waiting while a greenlet yields until the next arrival.
SWITCH_INTERVAL_S: Final = 50e-6

Visit = Callable[[int | None], None]


class Phase(Protocol):
    """A stretch of load that all users share."""

    def run(self, visit: Visit) -> None:
        """Call `visit` with the scheduled arrival (ns; None in closed loop) until the phase ends."""


class ClosedPhase:
    """Each user sends again as soon as it is answered, for a time, from `start_ns` on; at once where None."""

    def __init__(self, duration_ns: int, start_ns: int | None = None) -> None:
        self._start_ns = start_ns
        self._end_ns = (perf_counter_ns() if start_ns is None else start_ns) + duration_ns

    def run(self, visit: Visit) -> None:
        """Visit until the time is up."""
        if self._start_ns is not None:
            wait_until(self._start_ns)
        while perf_counter_ns() < self._end_ns:
            visit(None)


class CountedPhase:
    """Each user makes so many visits: for warming up."""

    def __init__(self, visits: int) -> None:
        self._visits = visits

    def run(self, visit: Visit) -> None:
        """Visit that often."""
        for _ in range(self._visits):
            visit(None)


class OpenPhase:
    """Arrivals at set times from `start_ns` on (at once where None), each carried by the next free user.

    One greenlet at a time waits for the next arrival; with more of them yielding, answers would wait.
    Arrivals that find no free user wait for one, which their response time shows, for as long again as the
    phase lasts: a stall of the machine delays them, and only a server that cannot keep up loses them.

    Attributes:
        scheduled: How many arrivals there are.
        dropped: How many found no free user even then, and were not sent.
    """

    def __init__(self, offsets_ns: Sequence[int], duration_ns: int, start_ns: int | None = None) -> None:
        self._start_ns = perf_counter_ns() if start_ns is None else start_ns
        self._give_up_ns = self._start_ns + 2 * duration_ns
        self._offsets = iter(offsets_ns)
        self._turn = Semaphore()
        self._under_way = 0
        self.scheduled = len(offsets_ns)
        self.dropped = 0

    def run(self, visit: Visit) -> None:
        """Carry arrivals until there are no more."""
        while True:
            with self._turn:
                due_ns = self._next_arrival()
            if due_ns is None:
                return
            self._under_way += 1
            try:
                visit(due_ns)
            finally:
                self._under_way -= 1

    def _next_arrival(self) -> int | None:
        offset = next(self._offsets, None)
        if offset is None:
            return None
        if perf_counter_ns() >= self._give_up_ns:
            self.dropped += 1 + sum(1 for _ in self._offsets)
            return None
        due_ns = self._start_ns + offset
        wait_until(due_ns, self._is_idle)
        return due_ns

    def _is_idle(self) -> bool:
        return self._under_way == 0


def wait_until(due_ns: int, may_sleep: Callable[[], bool] = lambda: True) -> None:
    """Wait for a moment of `perf_counter_ns`, to within microseconds, while others may run.

    It waits in a loop that gives way to whatever is ready. `gevent.sleep(0)` would not do: gevent looks at
    sockets only after every fiftieth of those, some 60 us. An idle watcher has libev look each time.

    Args:
        due_ns: That moment.
        may_sleep: Whether the process may sleep until shortly before. It must not while an answer is awaited:
            who sleeps is woken late, and the answer would seem to have taken longer.
    """
    hub = get_hub()
    turn = hub.loop.idle()
    try:
        while (left_ns := due_ns - perf_counter_ns()) > 0:
            if left_ns > _SLEEP_MARGIN_NS and may_sleep():
                gevent.sleep((left_ns - _SLEEP_MARGIN_NS) / 1e9)
            else:
                hub.wait(turn)
    finally:
        turn.close()


class Rendezvous:
    """Where all users meet between phases; the last to come does what is to be done there."""

    def __init__(self, parties: int) -> None:
        self._parties = parties
        self._waiting = 0
        self._open = Event()

    def meet(self, action: Callable[[], None]) -> None:
        """Wait for all; `action` runs once, before any goes on."""
        gate = self._open
        self._waiting += 1
        if self._waiting < self._parties:
            gate.wait()
            return
        action()
        self._waiting, self._open = 0, Event()
        gate.set()
