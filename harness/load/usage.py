"""CPU time, memory and store counters of the rig's own processes, read at the edges of slots."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.protocol.recording import SlotUsage
from harness.testbed.meters import CpuReading, ServerMeter, StoreMeter


class UsageRecorder:
    """Keeps the account of every slot: call `begin` and `end` at its drained edges.

    Args:
        servers: The meter of each instance; None of one whose CPU nobody can read.
        store: The store's meter.
        elsewhere: The instances that have another store.
    """

    def __init__(
        self, servers: Sequence[ServerMeter | None], store: StoreMeter, elsewhere: Collection[int] = ()
    ) -> None:
        self._servers = servers
        self._store = store
        self._elsewhere = elsewhere
        self.accounts: list[SlotUsage] = []

    def begin(self, instance: int) -> None:
        """Read the meters before a slot of this instance."""
        self._store_before = self._store.read()
        self._server_before = self._read_server(instance)

    def end(self, slot: int, instance: int) -> None:
        """Read them after it, and enter the difference."""
        before, after = self._server_before, self._read_server(instance)
        store_cpu, store_ops = self._store.spent(self._store_before, self._store.read())
        known = instance not in self._elsewhere
        self.accounts.append(
            SlotUsage(
                slot,
                instance,
                server_cpu_ns=None if before is None or after is None else after.on_ns - before.on_ns,
                store_cpu_ns=store_cpu if known else None,
                store_ops=store_ops if known else None,
                server_wait_ns=0 if before is None or after is None else after.waiting_ns - before.waiting_ns,
            )
        )

    def _read_server(self, instance: int) -> CpuReading | None:
        meter = self._servers[instance]
        return None if meter is None else meter.cpu()
