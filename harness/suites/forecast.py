"""What a run will take, told before it starts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.suites.model import Suite, by_conditions

#: Seconds to start one server process, on a slow core.
_START_S: Final = 0.45
#: Seconds for Locust to start and to end, and for charts.
_LOCUST_S: Final = 3.0
_CHARTS_S: Final = 6.0
#: Requests a second while warming up, low.
_WARM_RATE: Final = 3000
#: Draining and reading meters, as a share of the time in slots.
_EDGES: Final = 0.15
_BYTES_PER_SLOT: Final = 2500
_BYTES_PER_PROCESS: Final = 50e6
#: Of one session more in the store: to put it there and count it, and its memory.
_SESSION_S: Final = 15e-6
_BYTES_PER_SESSION: Final = 600
_FIGURES_BYTES: Final = 2e6
#: Logs, the plan, and the accounts of virtual users.
_LOGS_BYTES: Final = 1e6


@dataclass(frozen=True)
class Forecast:
    """What a run takes, roughly.

    Seconds, bytes on disk (results; temporary files) and of memory, server processes alive at a time.
    """

    seconds: float
    measuring_s: float
    disk_bytes: float
    temporary_bytes: float
    memory_bytes: float
    server_processes: int


def forecast(suite: Suite, batches: int = 1) -> Forecast:
    """Estimate a run of this suite on a small machine; room on the disk is for so many batches.

    What runs already takes nothing here.
    """
    slots = sum(scenario.slots for scenario in suite.scenarios)
    measuring = sum(scenario.slots * scenario.slot_ns / 1e9 for scenario in suite.scenarios)
    in_slots = sum(s.slots * (s.slot_ns + s.lead_ns) / 1e9 for s in suite.scenarios)
    rigs = [
        (wanted, [arm for arm in suite.arms_of(group.values()) if arm not in suite.elsewhere])
        for wanted, group in by_conditions(suite).items()
    ]
    alive = [suite.instances * len(arms) * wanted.processes for wanted, arms in rigs]
    started = sum(alive)
    warm_up = started * suite.warmup_requests / _WARM_RATE
    fixed = started * _START_S / 2 + len(suite.scenarios) * _LOCUST_S + _CHARTS_S
    others = [len(arms) * (wanted.sessions or 0) for wanted, arms in rigs]
    held = [
        count * _BYTES_PER_PROCESS + sessions * _BYTES_PER_SESSION
        for count, sessions in zip(alive, others, strict=True)
    ]
    return Forecast(
        seconds=fixed + warm_up + sum(others) * _SESSION_S + in_slots * (1 + _EDGES),
        measuring_s=measuring,
        disk_bytes=batches * slots * _BYTES_PER_SLOT + _FIGURES_BYTES,
        temporary_bytes=max(s.slots for s in suite.scenarios) * _BYTES_PER_SLOT + _LOGS_BYTES,
        memory_bytes=max(held) + 300e6,
        server_processes=max(alive),
    )
