"""Samples memory, descriptors and threads of a run's processes while nothing is measured."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import psutil

from harness.results.model import Vitals
from harness.suites.model import Scenario

#: Minimum seconds between two samples; a longer run gets about `_MAX_SAMPLES` in all.
_MIN_INTERVAL_S: Final = 1.0
_MAX_SAMPLES: Final = 240


@dataclass(frozen=True)
class _SampledProcess:
    """One process and its samples so far."""

    name: str
    arm: str | None
    process: psutil.Process
    at_s: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def look(self, at_s: float) -> None:
        """Add a sample; none if the process has just ended, which other checks report."""
        with contextlib.suppress(psutil.Error), self.process.oneshot():
            values = self.process.memory_info().rss, self.process.num_fds(), self.process.num_threads()
            self.at_s.append(round(at_s, 1))
            for series, value in zip((self.rss, self.descriptors, self.threads), values, strict=True):
                series.append(value)


class ProcessSampler:
    """Sampler of processes, about once a second, less often in a long load.

    A sample takes about 0.1 ms per process. Call `look` only while nothing is recorded.

    Args:
        seconds: Duration of the load in seconds.
        clock: Function that returns the time in seconds; replaced in tests.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = max(_MIN_INTERVAL_S, seconds / _MAX_SAMPLES)
        self._clock = clock
        self._began = self._next = clock()
        self._sampled: list[_SampledProcess] = []

    def follow(self, name: str, pid: int, arm: str | None = None) -> None:
        """Sample this process too from now on; `arm` is the scheme that it serves, if it is a server."""
        with contextlib.suppress(psutil.NoSuchProcess):  # other checks report that it is gone
            self._sampled.append(_SampledProcess(name, arm, psutil.Process(pid)))

    def look(self) -> None:
        """Sample every process if the interval is over."""
        now = self._clock()
        if now < self._next:
            return
        while self._next <= now:  # on a grid, so that the slot length does not change the rate of samples
            self._next += self._interval_s
        for sampled in self._sampled:
            sampled.look(now - self._began)

    def vitals(self, scenario: Scenario) -> list[Vitals]:
        """Return the samples under the load of a scenario, one row per process."""
        return [
            Vitals(
                scenario=scenario.name,
                load=scenario.load.label,
                params=scenario.params,
                process=sampled.name,
                arm=sampled.arm,
                at_s=sampled.at_s,
                rss=sampled.rss,
                descriptors=sampled.descriptors,
                threads=sampled.threads,
            )
            for sampled in self._sampled
        ]
