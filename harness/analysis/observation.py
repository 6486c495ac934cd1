"""Observation of one scenario: its plan, the records of the load, and the usage of CPU and store. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, count
from statistics import fmean, median
from typing import TypeVar

from harness.protocol.plan import Plan, by_arm
from harness.protocol.recording import Recording, SlotRecord, SlotUsage
from harness.results.model import Vitals
from harness.suites.model import Scenario

_Row = TypeVar("_Row", SlotRecord, SlotUsage)


@dataclass(frozen=True)
class Slot:
    """One slot: the records of each load process and step, and the usage of server and store."""

    instance: int
    records: tuple[SlotRecord, ...]
    account: SlotUsage
    #: CPUs that the instance's processes can use at a time.
    server_cpus: int = 1

    @property
    def requests(self) -> int:
        """Return the number of requests of all steps."""
        return sum(record.requests for record in self.records)

    @property
    def elapsed_ns(self) -> int:
        """Return the time from the first allowed send to the last answer that any load process read."""
        return max(record.elapsed_ns for record in self.records)

    @property
    def load_cpu(self) -> float:
        """Return the busiest load process's share of its CPU."""
        return self._worst_process("load_cpu_ns")

    @property
    def load_wait(self) -> float:
        """Return the share of the slot in which the worst load process was runnable but had no CPU."""
        return self._worst_process("load_wait_ns")

    def _worst_process(self, counter: str) -> float:
        """Return the largest sum of a counter over the steps of one load process, as a share of the slot."""
        by_process: Counter[int] = Counter()
        for record in self.records:
            by_process[record.process] += getattr(record, counter)
        return max(by_process.values()) / self.elapsed_ns

    def step(self, name: str) -> Slot:
        """Return the slot with the records of one step only."""
        return replace(self, records=tuple(record for record in self.records if record.step == name))

    def histograms(self, clock: str) -> list[str]:
        """Return the encoded histograms of a clock (or of the `lag`); empty if it did not run."""
        return [text for record in self.records if (text := getattr(record, clock))]


@dataclass(frozen=True)
class Observation:
    """All data of one scenario: the plan, its recording, usage per slot, and memory by instance and arm."""

    scenario: Scenario
    plan: Plan
    recording: Recording
    accounts: Sequence[SlotUsage]
    #: Resident bytes, by instance.
    server_rss: Mapping[int, int]
    #: Bytes of an arm's keys in the store, by arm; keys of arms on other machines are unknown.
    store_memory: Mapping[str, int]
    #: Idle round trip of a PING on the path from the servers to the store, in us. The path of servers on
    #: other machines is not measured.
    store_rtt_us: float = 0.0
    #: Bytes of the longest profile that each arm's server accepts, if profiles have a set length.
    longest_profile: Mapping[str, int] = field(default_factory=dict)
    #: Memory, descriptors and threads of every process of the run over time.
    vitals: Sequence[Vitals] = ()
    #: Instances of each batch, if it joins several batches of fresh instances.
    sizes: tuple[int, ...] = ()
    #: Number of the batch in its run, from 1; the first if several are joined.
    number: int = 1
    #: CPUs that the processes of one instance can use at a time.
    server_cpus: int = 1
    #: Whether the store may run on these CPUs.
    store_shares_cpus: bool = True

    @property
    def label(self) -> str:
        """Return the scenario's label for people, with the number of the batch from the second one on."""
        return self.scenario.label + (f", batch {self.number}" if self.number > 1 else "")

    @property
    def batches(self) -> int:
        """Return the number of batches in it."""
        return len(self.sizes) or 1

    def batch(self, instance: int) -> int:
        """Return the batch, from 0, that an instance belongs to."""
        return bisect_right(list(accumulate(self.sizes)), instance)

    def blocks(self) -> list[tuple[int, int]]:
        """Return batch and block within the batch of each slot; a block has every instance once."""
        counts: dict[int, Iterator[int]] = defaultdict(count)
        return [(self.batch(instance), next(counts[instance])) for instance in self.plan.order]

    def slots(self) -> list[Slot]:
        """Return the slots with both records and usage; of a search only those after it settled."""
        records: dict[int, list[SlotRecord]] = defaultdict(list)
        # The first slot after each instance's search settled.
        begin = {record.instance: record.slot + 1 for record in self.recording.slots if not record.settled}
        for record in self.recording.slots:
            if record.slot >= begin.get(record.instance, 0):
                records[record.slot].append(record)
        return [
            Slot(account.instance, tuple(records[account.slot]), account, self.server_cpus)
            for account in self.accounts
            if sum(record.requests for record in records.get(account.slot, []))
        ]

    def steps(self) -> list[str]:
        """Return the steps of the scenario, in the order of their first occurrence."""
        return list(dict.fromkeys(record.step for record in self.recording.slots))

    @property
    def measured_s(self) -> float:
        """Return the seconds in which requests were recorded."""
        return sum(slot.elapsed_ns for slot in self.slots()) / 1e9


def joined(batches: Sequence[Observation]) -> Observation:
    """Return batches of one scenario, each of fresh instances, as one with consecutive instances and slots.

    A later batch may lack arms that are already decided.
    """
    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    sizes = tuple(len(batch.plan.targets) for batch in batches)
    # Each batch with the numbers of its first instance and of its first slot.
    instances = accumulate(sizes, initial=0)
    slots = accumulate((len(batch.plan.order) for batch in batches), initial=0)
    placed = list(zip(batches, instances, slots, strict=False))
    return Observation(
        first.scenario,
        replace(
            first.plan,
            targets=tuple(
                replace(target, instance=target.instance + begin)
                for batch, begin, _ in placed
                for target in batch.plan.targets
            ),
            order=tuple(instance + begin for batch, begin, _ in placed for instance in batch.plan.order),
        ),
        replace(
            first.recording,
            slots=tuple(
                _renumbered(row, *begin) for batch, *begin in placed for row in batch.recording.slots
            ),
            errors=dict(sum((Counter(batch.recording.errors) for batch in batches), Counter())),
            complete=all(batch.recording.complete for batch in batches),
            lost=next((batch.recording.lost for batch in batches if batch.recording.lost), ""),
        ),
        [_renumbered(row, *begin) for batch, *begin in placed for row in batch.accounts],
        server_rss={
            instance + begin: size
            for batch, begin, _ in placed
            for instance, size in batch.server_rss.items()
        },
        store_memory=_by_arm([batch.store_memory for batch in batches], lambda sizes: round(fmean(sizes))),
        store_rtt_us=fmean(batch.store_rtt_us for batch in batches),
        longest_profile=_by_arm([batch.longest_profile for batch in batches], min),
        vitals=[
            row.model_copy(update={"process": f"{row.process}, batch {number}"})
            for number, batch in enumerate(batches, 1)
            for row in batch.vitals
        ],
        sizes=sizes,
        server_cpus=first.server_cpus,
        store_shares_cpus=first.store_shares_cpus,
    )


def _by_arm(batches: Sequence[Mapping[str, int]], combine: Callable[[list[int]], int]) -> dict[str, int]:
    """Return the combined values of each arm over the batches that it was in."""
    values: dict[str, list[int]] = defaultdict(list)
    for batch in batches:
        for arm, value in batch.items():
            values[arm].append(value)
    return {arm: combine(sizes) for arm, sizes in values.items()}


def _renumbered(row: _Row, instances: int, slots: int) -> _Row:
    return replace(row, slot=row.slot + slots, instance=row.instance + instances)


def by_instance(observed: Observation) -> dict[int, list[Slot]]:
    """Return the slots of every instance that recorded anything, by instance."""
    slots: dict[int, list[Slot]] = defaultdict(list)
    for slot in observed.slots():
        slots[slot.instance].append(slot)
    return dict(sorted(slots.items()))


def arms(observed: Observation) -> dict[str, list[int]]:
    """Return the instances that recorded anything, by arm."""
    slots = by_instance(observed)
    return {
        arm: recorded
        for arm, instances in by_arm(observed.plan.targets).items()
        if (recorded := [instance for instance in instances if instance in slots])
    }


def _slots_of(observed: Observation, arm: str) -> list[Slot]:
    instances = by_arm(observed.plan.targets)[arm]
    return [slot for slot in observed.slots() if slot.instance in instances]


def cpu_waits(observed: Observation, arm: str) -> dict[str, float]:
    """Return the share of an arm's time in which server and load were runnable but waited for a CPU.

    The server is missing if its CPU is not read.
    """
    slots = _slots_of(observed, arm)
    load = {"load generator": fmean(slot.load_wait for slot in slots)}
    read = [slot for slot in slots if slot.account.server_cpu_ns is not None]
    return {"server": _server_wait(read, observed.store_shares_cpus)} | load if read else load


def _server_wait(slots: Sequence[Slot], store_shares_cpus: bool) -> float:
    """Return the share of the time in which a server was runnable but other programs had its CPUs.

    It is at most what others used of these CPUs, since the threads and processes of one server wait for each
    other too. The waiting of threads that have ended is unknown; then others' use stands for it, without
    interrupts, which some kernels do not charge to the server that caused them. Waiting for a store on the
    same CPUs does not count.
    """
    accounts = [slot.account for slot in slots]
    all_ns = sum(slot.server_cpus * slot.elapsed_ns for slot in slots)
    server_ns = sum(account.server_cpu_ns or 0.0 for account in accounts)
    store_ns = (
        sum(max(0.0, account.store_cpu_ns or 0.0) for account in accounts) if store_shares_cpus else 0.0
    )
    waits = [account.server_wait_ns for account in accounts if account.server_wait_ns is not None]
    is_known = len(waits) == len(accounts)
    in_use_ns = float(all_ns)
    if all(account.cpus for account in accounts):
        used_ns = sum(
            account.cpus_busy_ns + (account.cpus_irq_ns if is_known else 0.0) for account in accounts
        )
        in_use_ns = min(in_use_ns, used_ns)
    wait_ns = min(sum(waits) if is_known else in_use_ns, in_use_ns - server_ns)
    return max(0.0, wait_ns - store_ns) / all_ns


def cpu_share(observed: Observation, arm: str) -> float | None:
    """Return the CPU time of an arm's servers as a share of all that their CPUs had; None if not read."""
    read = [slot.account for slot in _slots_of(observed, arm) if slot.account.cpus]
    all_ns = sum(account.cpus * account.read_ns for account in read)
    return sum(account.server_cpu_ns or 0.0 for account in read) / all_ns if all_ns else None


def busy(observed: Observation, arm: str) -> tuple[float | None, float]:
    """Return the shares that an arm's servers used of their CPUs, and the store (one thread) of one CPU.

    Medians over the arm's slots; without the servers' if their CPU is not read.
    """
    slots = _slots_of(observed, arm)
    shares = [
        used_ns / (observed.server_cpus * slot.elapsed_ns)
        for slot in slots
        if (used_ns := slot.account.server_cpu_ns) is not None
    ]
    of_store = median((slot.account.store_cpu_ns or 0.0) / slot.elapsed_ns for slot in slots)
    return median(shares) if shares else None, of_store
