"""CPU time, memory and store counters of the testbed's processes, read at the edges of slots."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.protocol.recording import SlotUsage
from harness.testbed.meters import CpuReading, Meter, StoreMeter


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
        self._server_before = self._read_server(instance)

    def end(self, slot: int, instance: int) -> None:
        """Read the meters after a slot, and record the difference."""
        before, after = self._server_before, self._read_server(instance)
        store_cpu, store_ops = self._store.spent(self._store_before, self._store.read())
        is_known = instance not in self._other_store
        self.accounts.append(
            SlotUsage(
                slot,
                instance,
                server_cpu_ns=None if before is None or after is None else after.on_ns - before.on_ns,
                store_cpu_ns=store_cpu if is_known else None,
                store_ops=store_ops if is_known else None,
                server_wait_ns=0 if before is None or after is None else after.waiting_ns - before.waiting_ns,
            )
        )

    def _read_server(self, instance: int) -> CpuReading | None:
        meter = self._servers[instance]
        return None if meter is None else meter.cpu()
