"""Estimates time, disk space and memory of a run before it starts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.suites.model import Suite, by_conditions

#: Seconds to start one server process, on a slow core.
_START_S: Final = 0.45
#: Seconds for Locust to start and to end, and for charts.
_LOCUST_S: Final = 3.0
_CHARTS_S: Final = 6.0
#: Requests/s while warming up (low estimate).
_WARM_RATE: Final = 3000
#: Time for draining and reading counters, as a share of the time in slots.
_BOUNDARIES: Final = 0.15
_BYTES_PER_SLOT: Final = 2500
_BYTES_PER_PROCESS: Final = 50e6
#: Seconds to write and count an additional session in the store, and its memory.
_SESSION_S: Final = 15e-6
_BYTES_PER_SESSION: Final = 600
_FIGURES_BYTES: Final = 2e6
#: Logs, the plan, and the accounts of virtual users.
_LOGS_BYTES: Final = 1e6


@dataclass(frozen=True)
class Forecast:
    """Rough estimate of the resources of a run.

    Seconds, bytes on disk (results; temporary files) and of memory, and server processes alive at a time.
    """

    seconds: float
    measuring_s: float
    disk_bytes: float
    temporary_bytes: float
    memory_bytes: float
    server_processes: int


def forecast(suite: Suite, batches: int = 1) -> Forecast:
    """Return the estimate for a run of this suite on a small machine; disk space is for `batches` batches.

    Servers that already run elsewhere need no resources.
    """
    slots = sum(scenario.slots for scenario in suite.scenarios)
    measuring = sum(scenario.slots * scenario.slot_ns / 1e9 for scenario in suite.scenarios)
    in_slots = sum(s.slots * (s.slot_ns + s.lead_ns) / 1e9 for s in suite.scenarios)
    rigs = [
        (conditions, [arm for arm in suite.arms_of(group.values()) if arm not in suite.elsewhere])
        for conditions, group in by_conditions(suite).items()
    ]
    alive = [suite.instances * len(arms) * conditions.processes for conditions, arms in rigs]
    started = sum(alive)
    warm_up = started * suite.warmup_requests / _WARM_RATE
    fixed = started * _START_S / 2 + len(suite.scenarios) * _LOCUST_S + _CHARTS_S
    session_counts = [len(arms) * (conditions.sessions or 0) for conditions, arms in rigs]
    memory = [
        count * _BYTES_PER_PROCESS + sessions * _BYTES_PER_SESSION
        for count, sessions in zip(alive, session_counts, strict=True)
    ]
    return Forecast(
        seconds=fixed + warm_up + sum(session_counts) * _SESSION_S + in_slots * (1 + _BOUNDARIES),
        measuring_s=measuring,
        disk_bytes=batches * slots * _BYTES_PER_SLOT + _FIGURES_BYTES,
        temporary_bytes=max(s.slots for s in suite.scenarios) * _BYTES_PER_SLOT + _LOGS_BYTES,
        memory_bytes=max(memory) + 300e6,
        server_processes=max(alive),
    )
