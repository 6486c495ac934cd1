"""Samples memory, descriptors and threads of a run's processes while nothing is measured."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import psutil

from harness.results.model import Vitals
from harness.suites.model import Scenario

#: Minimum seconds between two samples; a longer run gets about `_MAX_SAMPLES` in all.
_MIN_INTERVAL_S: Final = 1.0
_MAX_SAMPLES: Final = 240
#: Series of `Vitals`.
_SERIES: Final = ("at_s", "rss", "descriptors", "threads")


@dataclass(frozen=True)
class _SampledProcess:
    """One process and its samples so far, one value of each of `_SERIES`."""

    name: str
    arm: str | None
    process: psutil.Process
    samples: list[tuple[Any, ...]] = field(default_factory=list)


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
        at_s = round(now - self._began, 1)
        for sampled in self._sampled:
            process = sampled.process
            with contextlib.suppress(psutil.Error), process.oneshot():  # other checks report that it ended
                values = process.memory_info().rss, process.num_fds(), process.num_threads()
                sampled.samples.append((at_s, *values))

    def vitals(self, scenario: Scenario) -> list[Vitals]:
        """Return the samples under the load of a scenario, one row per process."""
        return [
            Vitals(
                scenario=scenario.name,
                load=scenario.load.label,
                params=scenario.params,
                process=sampled.name,
                arm=sampled.arm,
                **{name: [sample[i] for sample in sampled.samples] for i, name in enumerate(_SERIES)},
            )
            for sampled in self._sampled
        ]
