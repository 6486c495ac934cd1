"""Memory, descriptors and threads of a run's own processes, looked at while nothing is measured."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import psutil

from harness.results.model import Vitals
from harness.suites.model import Scenario

#: Seconds between two looks, at least; a longer run is looked at some `_LOOKS` times in all.
_EVERY_S: Final = 1.0
_LOOKS: Final = 240


@dataclass(frozen=True)
class _Followed:
    """One process, and what was seen of it so far."""

    name: str
    arm: str | None
    process: psutil.Process
    at_s: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def look(self, at_s: float) -> None:
        """Note what it holds now; nothing where it has just ended, which others will notice."""
        with contextlib.suppress(psutil.Error), self.process.oneshot():
            seen = self.process.memory_info().rss, self.process.num_fds(), self.process.num_threads()
            self.at_s.append(round(at_s, 1))
            for series, value in zip((self.rss, self.descriptors, self.threads), seen, strict=True):
                series.append(value)


class ProcessSampler:
    """Looks at the processes it follows, about once a second, less often where the load lasts long.

    A look takes some 0.1 ms a process. Call `look` only where nothing is being recorded.

    Args:
        seconds: How long the load will last.
        clock: The time in seconds; a test has its own.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = max(_EVERY_S, seconds / _LOOKS)
        self._clock = clock
        self._began = self._next = clock()
        self._followed: list[_Followed] = []

    def follow(self, name: str, pid: int, arm: str | None = None) -> None:
        """Look at this process too from now on; `arm` is the scheme that it serves, if it is a server."""
        with contextlib.suppress(psutil.NoSuchProcess):  # whoever started it will tell that it is gone
            self._followed.append(_Followed(name, arm, psutil.Process(pid)))

    def look(self) -> None:
        """Look at every process, if it is time again."""
        now = self._clock()
        if now < self._next:
            return
        while self._next <= now:  # on a grid, so that slots of an odd length are not looked at more rarely
            self._next += self._every_s
        for followed in self._followed:
            followed.look(now - self._began)

    def vitals(self, scenario: Scenario) -> list[Vitals]:
        """What was seen under the load of a scenario, a row a process."""
        return [
            Vitals(
                scenario=scenario.name,
                load=scenario.load.label,
                params=scenario.params,
                process=one.name,
                arm=one.arm,
                at_s=one.at_s,
                rss=one.rss,
                descriptors=one.descriptors,
                threads=one.threads,
            )
            for one in self._followed
        ]
