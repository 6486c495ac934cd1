"""When requests are sent: as soon as the last is answered (closed loop), or on a schedule (open loop).

Every user of a run takes part in every phase: all start together, and a phase ends when the last request of
the last user is answered. The work of the servers in a phase is then exactly that of the requests sent in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Final, Protocol

import gevent
from gevent.event import Event
from gevent.hub import get_hub
from gevent.lock import Semaphore

#: libev's timers tick in milliseconds: sleep no closer than this to an arrival, and then yield in a loop.
_SLEEP_MARGIN_NS: Final = 1_500_000
#: Seconds that gevent may run greenlets before it checks sockets again. Its default of 5 ms would delay
#: answers while a greenlet yields until the next arrival.
SWITCH_INTERVAL_S: Final = 50e-6

Visit = Callable[[int | None], None]


class Phase(Protocol):
    """Period of load that all users share."""

    def run(self, visit: Visit) -> None:
        """Call `visit` with the scheduled arrival (ns; None in closed loop) until the phase ends."""


class ClosedPhase:
    """Closed loop for a time: each user sends again once answered.

    Args:
        duration_ns: Time.
        start_ns: Its start; None: now.
        visits: Visits of all users together, at least; the phase lasts longer if they do.
    """

    def __init__(self, duration_ns: int, start_ns: int | None = None, visits: int = 0) -> None:
        self._start_ns = start_ns
        self._left = visits
        self._end_ns = (perf_counter_ns() if start_ns is None else start_ns) + duration_ns

    def run(self, visit: Visit) -> None:
        """Visit until the time is up."""
        if self._start_ns is not None:
            wait_until(self._start_ns)
        while perf_counter_ns() < self._end_ns or self._left > 0:
            self._left -= 1
            visit(None)


class CountedPhase:
    """Warm-up: a fixed number of visits per user."""

    def __init__(self, visits: int) -> None:
        self._visits = visits

    def run(self, visit: Visit) -> None:
        """Make that number of visits."""
        for _ in range(self._visits):
            visit(None)


class OpenPhase:
    """Open loop: arrivals at set times from `start_ns` on (None: now), each sent by the next free user.

    One greenlet at a time waits for the next arrival; if more of them yielded, answers would wait. An arrival
    without a free user waits for one, which is part of its response time, for at most another duration of the
    phase: a stall of the machine delays arrivals, and only a server that cannot keep up loses them.

    Attributes:
        scheduled: Number of arrivals.
        dropped: Number of arrivals that got no free user in that time and were not sent.
    """

    def __init__(self, offsets_ns: Sequence[int], duration_ns: int, start_ns: int | None = None) -> None:
        self._start_ns = perf_counter_ns() if start_ns is None else start_ns
        self._give_up_ns = self._start_ns + 2 * duration_ns
        self._offsets = iter(offsets_ns)
        self._next_up = Semaphore()
        self._in_flight = 0
        self.scheduled = len(offsets_ns)
        self.dropped = 0

    def run(self, visit: Visit) -> None:
        """Send arrivals until there are no more."""
        while True:
            with self._next_up:
                due_ns = self._next_arrival()
            if due_ns is None:
                return
            self._in_flight += 1
            try:
                visit(due_ns)
            finally:
                self._in_flight -= 1

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
        return self._in_flight == 0


def wait_until(due_ns: int, may_sleep: Callable[[], bool] = lambda: True) -> None:
    """Wait for a moment of `perf_counter_ns`, to within microseconds, while other greenlets may run.

    The wait is a loop that yields to whatever is ready. `gevent.sleep(0)` would not do: gevent checks sockets
    only after every fiftieth of those, some 60 µs. With an idle watcher libev checks them each time.

    Args:
        due_ns: Moment to wait for (`perf_counter_ns`).
        may_sleep: Whether the process may sleep until shortly before. It must not sleep while an answer is
            pending: a sleeping process is woken late, and the answer would seem to have taken longer.
    """
    hub = get_hub()
    idle_watcher = hub.loop.idle()
    try:
        while (left_ns := due_ns - perf_counter_ns()) > 0:
            if left_ns > _SLEEP_MARGIN_NS and may_sleep():
                gevent.sleep((left_ns - _SLEEP_MARGIN_NS) / 1e9)
            else:
                hub.wait(idle_watcher)
    finally:
        idle_watcher.close()


class Rendezvous:
    """Meeting point of all users between phases; the last to arrive runs the action."""

    def __init__(self, users: int) -> None:
        self._users = users
        self._waiting = 0
        self._open = Event()

    def meet(self, action: Callable[[], None]) -> None:
        """Wait for all users; `action` runs once, before any of them continues."""
        gate = self._open
        self._waiting += 1
        if self._waiting < self._users:
            gate.wait()
            return
        action()
        self._waiting, self._open = 0, Event()
        gate.set()
