"""Observation of one scenario: its plan, the records of the load, and the usage of CPU and store. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from statistics import fmean, median
from typing import TypeVar

from harness.protocol.plan import Plan, Target, by_arm
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
    def number(self) -> int:
        """Return the index into the plan's order."""
        return self.account.slot

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
        by_process: dict[int, int] = defaultdict(int)
        for record in self.records:
            by_process[record.process] += record.load_cpu_ns
        return max(by_process.values()) / self.elapsed_ns

    @property
    def load_wait(self) -> float:
        """Return the share of the slot in which the worst load process was runnable but had no CPU."""
        by_process: dict[int, int] = defaultdict(int)
        for record in self.records:
            by_process[record.process] += record.load_wait_ns
        return max(by_process.values()) / self.elapsed_ns

    @property
    def server_wait(self) -> float:
        """Return the share of the slot in which the server was runnable but other programs had its CPU.

        Waiting for its store or for its own threads and processes does not count. With several CPUs the wait
        is at most the time that server and store did not use of them, idle time included.
        """
        if self.account.server_cpu_ns is None:
            return 0.0
        store_ns = max(0.0, self.account.store_cpu_ns or 0.0)
        all_ns = self.server_cpus * self.elapsed_ns
        taken_ns = all_ns - self.account.server_cpu_ns - store_ns
        return max(0.0, min(self.account.server_wait_ns - store_ns, taken_ns)) / all_ns

    @property
    def server_busy(self) -> float | None:
        """Return the share that the server used of the CPUs available to it; None if it is not read."""
        used_ns = self.account.server_cpu_ns
        return None if used_ns is None else used_ns / (self.server_cpus * self.elapsed_ns)

    @property
    def store_busy(self) -> float:
        """Return the share that the store used of one CPU (it runs in one thread); 0 if it is not read."""
        return (self.account.store_cpu_ns or 0.0) / self.elapsed_ns

    def step(self, name: str) -> list[SlotRecord]:
        """Return the records of one step."""
        return [record for record in self.records if record.step == name]


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
        counts: Counter[int] = Counter()
        blocks = []
        for instance in self.plan.order:
            blocks.append((self.batch(instance), counts[instance]))
            counts[instance] += 1
        return blocks

    def slots(self) -> list[Slot]:
        """Return the slots with both records and usage; of a search only those after it settled."""
        records: dict[int, list[SlotRecord]] = defaultdict(list)
        begin = self._settled_from()
        for record in self.recording.slots:
            if record.slot >= begin.get(record.instance, 0):
                records[record.slot].append(record)
        return [
            Slot(account.instance, tuple(records[account.slot]), account, self.server_cpus)
            for account in self.accounts
            if sum(record.requests for record in records.get(account.slot, []))
        ]

    def _settled_from(self) -> dict[int, int]:
        """Return the first slot after each instance's search settled, by instance."""
        return {record.instance: record.slot + 1 for record in self.recording.slots if not record.settled}

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
    targets: list[Target] = []
    order: list[int] = []
    records: list[SlotRecord] = []
    accounts: list[SlotUsage] = []
    rss: dict[int, int] = {}
    vitals: list[Vitals] = []
    for number, batch in enumerate(batches, 1):
        instances, slots = len(targets), len(order)
        targets += [replace(target, instance=target.instance + instances) for target in batch.plan.targets]
        order += [instance + instances for instance in batch.plan.order]
        records += [_renumbered(record, slots, instances) for record in batch.recording.slots]
        accounts += [_renumbered(account, slots, instances) for account in batch.accounts]
        rss |= {instance + instances: size for instance, size in batch.server_rss.items()}
        vitals += [
            row.model_copy(update={"process": f"{row.process}, batch {number}"}) for row in batch.vitals
        ]
    first = batches[0]
    return Observation(
        first.scenario,
        replace(first.plan, targets=tuple(targets), order=tuple(order)),
        replace(
            first.recording,
            slots=tuple(records),
            errors=dict(sum((Counter(batch.recording.errors) for batch in batches), Counter())),
            complete=all(batch.recording.complete for batch in batches),
            lost=next((batch.recording.lost for batch in batches if batch.recording.lost), ""),
        ),
        accounts,
        server_rss=rss,
        store_memory={
            arm: round(fmean(sizes))
            for arm, sizes in _by_arm(batch.store_memory for batch in batches).items()
        },
        store_rtt_us=fmean(batch.store_rtt_us for batch in batches),
        longest_profile={
            arm: min(sizes) for arm, sizes in _by_arm(batch.longest_profile for batch in batches).items()
        },
        vitals=vitals,
        sizes=tuple(len(batch.plan.targets) for batch in batches),
        server_cpus=first.server_cpus,
    )


def _by_arm(batches: Iterable[Mapping[str, int]]) -> dict[str, list[int]]:
    """Return the values of each arm over the batches that it was in."""
    values: dict[str, list[int]] = defaultdict(list)
    for batch in batches:
        for arm, value in batch.items():
            values[arm].append(value)
    return values


def _renumbered(row: _Row, slots: int, instances: int) -> _Row:
    return replace(row, slot=row.slot + slots, instance=row.instance + instances)


def by_instance(observed: Observation) -> dict[int, list[Slot]]:
    """Return the slots of every instance that recorded anything, by instance."""
    slots: dict[int, list[Slot]] = defaultdict(list)
    for slot in observed.slots():
        slots[slot.instance].append(slot)
    return dict(sorted(slots.items()))


def arms(observed: Observation) -> dict[str, list[int]]:
    """Return the instances that recorded anything, by arm."""
    recorded = set(by_instance(observed))
    instances_of = {
        arm: [instance for instance in instances if instance in recorded]
        for arm, instances in by_arm(observed.plan.targets).items()
    }
    return {arm: instances for arm, instances in instances_of.items() if instances}


def cpu_waits(observed: Observation, arm: str) -> dict[str, float]:
    """Return the share of an arm's time in which server and load were runnable but waited for a CPU.

    The server is missing if its CPU is not read.
    """
    instances = set(by_arm(observed.plan.targets)[arm])
    slots = [slot for slot in observed.slots() if slot.instance in instances]
    waits = [slot.server_wait for slot in slots if slot.account.server_cpu_ns is not None]
    return ({"server": fmean(waits)} if waits else {}) | {
        "load generator": fmean(slot.load_wait for slot in slots)
    }


@dataclass(frozen=True)
class Busy:
    """CPU use under an arm's load: medians over slots.

    Attributes:
        server: Share that an instance used of the CPUs available to it; None if its CPU is not read.
        cpus: Number of those CPUs.
        store: Share that the store used of one CPU.
    """

    server: float | None
    cpus: int
    store: float


def busy(observed: Observation, arm: str) -> Busy:
    """Return the CPU use of an arm's servers and of the store in the arm's slots."""
    instances = set(by_arm(observed.plan.targets)[arm])
    slots = [slot for slot in observed.slots() if slot.instance in instances]
    shares = [share for slot in slots if (share := slot.server_busy) is not None]
    return Busy(
        median(shares) if shares else None,
        observed.server_cpus,
        median(slot.store_busy for slot in slots),
    )
