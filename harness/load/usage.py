"""CPU time, memory and store counters of the testbed's processes, read at the edges of slots."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any, Final

from harness.protocol.recording import SlotUsage
from harness.testbed.cpu_clock import CpuReading
from harness.testbed.meters import Meter, StoreMeter

#: Share of a slot's CPU time in ended threads, above which the waiting of those that run says too little.
_ENDED_LIMIT: Final = 0.05


class UsageRecorder:
    """Recorder of the usage of each slot: call `begin` and `end` at its edges, while no request is pending.

    Args:
        servers: Meter of each instance; None if its CPU time cannot be read.
        store: Meter of the store.
        other_store: Instances that use another store.
    """

    def __init__(
        self, servers: Sequence[Meter | None], store: StoreMeter, other_store: Collection[int] = ()
    ) -> None:
        self._servers = servers
        self._store = store
        self._other_store = other_store
        self.accounts: list[SlotUsage] = []

    def begin(self, instance: int) -> None:
        """Read the meters before a slot of this instance."""
        self._store_before = self._store.read()
        self._begun_ns = time.monotonic_ns()
        self._server_before = self._read_server(instance)

    def end(self, slot: int, instance: int) -> None:
        """Read the meters after a slot, and record the difference."""
        before, after = self._server_before, self._read_server(instance)
        read_ns = time.monotonic_ns() - self._begun_ns
        store_cpu, store_ops = self._store.spent(self._store_before, self._store.read())
        is_known = instance not in self._other_store
        self.accounts.append(
            SlotUsage(
                slot,
                instance,
                store_cpu_ns=store_cpu if is_known else None,
                store_ops=store_ops if is_known else None,
                read_ns=read_ns,
                **_server_usage(before, after),
            )
        )

    def _read_server(self, instance: int) -> CpuReading | None:
        meter = self._servers[instance]
        return None if meter is None else meter.cpu()


def _server_usage(before: CpuReading | None, after: CpuReading | None) -> dict[str, Any]:
    """Return the fields of `SlotUsage` about the server: the difference between two readings."""
    if before is None or after is None:
        return {"server_cpu_ns": None}
    on_ns = after.on_ns - before.on_ns
    have_ended = after.ended_ns - before.ended_ns > _ENDED_LIMIT * on_ns
    return {
        "server_cpu_ns": on_ns,
        "server_wait_ns": None if have_ended else after.waiting_ns - before.waiting_ns,
        "cpus": after.cpus,
        "cpus_busy_ns": after.cpus_busy_ns - before.cpus_busy_ns,
        "cpus_irq_ns": after.cpus_irq_ns - before.cpus_irq_ns,
    }
