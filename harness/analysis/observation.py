"""What one scenario left behind: its plan, what the load recorded, what the accountant entered. Pure."""

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
    """One slot: what each load process recorded of each step, and what the accountant entered."""

    instance: int
    records: tuple[SlotRecord, ...]
    account: SlotUsage
    #: CPUs that the instance's processes can use at a time.
    server_cpus: int = 1

    @property
    def number(self) -> int:
        """Index into the plan's order."""
        return self.account.slot

    @property
    def requests(self) -> int:
        """Requests of all steps."""
        return sum(record.requests for record in self.records)

    @property
    def elapsed_ns(self) -> int:
        """From the first send allowed to the last answer that any load process read."""
        return max(record.elapsed_ns for record in self.records)

    @property
    def load_cpu(self) -> float:
        """The busiest load process's share of its CPU."""
        by_process: dict[int, int] = defaultdict(int)
        for record in self.records:
            by_process[record.process] += record.load_cpu_ns
        return max(by_process.values()) / self.elapsed_ns

    @property
    def load_wait(self) -> float:
        """The share of the slot in which the worst load process wanted its CPU and did not get it."""
        by_process: dict[int, int] = defaultdict(int)
        for record in self.records:
            by_process[record.process] += record.load_wait_ns
        return max(by_process.values()) / self.elapsed_ns

    @property
    def server_wait(self) -> float:
        """The same of the server; its store, its own other threads and processes on its CPUs are no others.

        Of several CPUs together: at most what its own did not use of them, an idle one's time included.
        """
        if self.account.server_cpu_ns is None:
            return 0.0
        store_ns = max(0.0, self.account.store_cpu_ns or 0.0)
        all_ns = self.server_cpus * self.elapsed_ns
        taken_ns = all_ns - self.account.server_cpu_ns - store_ns
        return max(0.0, min(self.account.server_wait_ns - store_ns, taken_ns)) / all_ns

    @property
    def server_busy(self) -> float | None:
        """The share of the CPUs that it can use which the server used; None where nobody reads it."""
        used_ns = self.account.server_cpu_ns
        return None if used_ns is None else used_ns / (self.server_cpus * self.elapsed_ns)

    @property
    def store_busy(self) -> float:
        """The share of one CPU that the store used: it answers in one thread. 0 where nobody reads it."""
        return (self.account.store_cpu_ns or 0.0) / self.elapsed_ns

    def step(self, name: str) -> list[SlotRecord]:
        """What was recorded of one step."""
        return [record for record in self.records if record.step == name]


@dataclass(frozen=True)
class Observation:
    """Everything one scenario left: the plan, its recording, the accounts, and memory by instance and arm."""

    scenario: Scenario
    plan: Plan
    recording: Recording
    accounts: Sequence[SlotUsage]
    #: Resident bytes, by instance.
    server_rss: Mapping[int, int]
    #: Bytes of an arm's keys in the store, by arm; none of one that runs elsewhere, whose keys nobody knows.
    store_memory: Mapping[str, int]
    #: Round trip of a PING on the servers' way to the store, in us, while nothing else goes on; that of
    #: servers elsewhere is another way.
    store_rtt_us: float = 0.0
    #: Bytes of the longest profile that each arm's server lets in, where profiles have a set length.
    longest_profile: Mapping[str, int] = field(default_factory=dict)
    #: What every process of the run held over time.
    vitals: Sequence[Vitals] = ()
    #: Instances of each batch, where several of fresh ones, one after the other, are in it.
    sizes: tuple[int, ...] = ()
    #: Which batch of its run it is, from 1; of several joined, the first.
    number: int = 1
    #: CPUs that the processes of one instance can use at a time.
    server_cpus: int = 1

    @property
    def label(self) -> str:
        """The scenario as people read it, and the batch where there was one before."""
        return self.scenario.label + (f", batch {self.number}" if self.number > 1 else "")

    @property
    def batches(self) -> int:
        """How many batches are in it."""
        return len(self.sizes) or 1

    def batch(self, instance: int) -> int:
        """To which batch, from 0, an instance belongs."""
        return bisect_right(list(accumulate(self.sizes)), instance)

    def blocks(self) -> list[tuple[int, int]]:
        """For each slot of the plan its batch and, within that, its block: each has every instance once."""
        dealt: Counter[int] = Counter()
        found = []
        for instance in self.plan.order:
            found.append((self.batch(instance), dealt[instance]))
            dealt[instance] += 1
        return found

    def slots(self) -> list[Slot]:
        """The slots that have both a record and an account; of a search those around what it found."""
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
        """By instance, the slot after the last one in which its search was on its way."""
        return {record.instance: record.slot + 1 for record in self.recording.slots if not record.settled}

    def steps(self) -> list[str]:
        """The steps of the scenario, in the order in which they were first taken."""
        return list(dict.fromkeys(record.step for record in self.recording.slots))

    @property
    def measured_s(self) -> float:
        """Seconds in which requests were being recorded."""
        return sum(slot.elapsed_ns for slot in self.slots()) / 1e9


def joined(batches: Sequence[Observation]) -> Observation:
    """Batches of one scenario, each of fresh instances, as one: instances and slots are numbered on.

    A later batch may leave out arms that are decided.
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
        begun, before = len(targets), len(order)
        targets += [replace(one, instance=one.instance + begun) for one in batch.plan.targets]
        order += [instance + begun for instance in batch.plan.order]
        records += [_numbered_on(one, before, begun) for one in batch.recording.slots]
        accounts += [_numbered_on(one, before, begun) for one in batch.accounts]
        rss |= {instance + begun: size for instance, size in batch.server_rss.items()}
        vitals += [
            one.model_copy(update={"process": f"{one.process}, batch {number}"}) for one in batch.vitals
        ]
    first = batches[0]
    return Observation(
        first.scenario,
        replace(first.plan, targets=tuple(targets), order=tuple(order)),
        replace(
            first.recording,
            slots=tuple(records),
            errors=dict(sum((Counter(one.recording.errors) for one in batches), Counter())),
            complete=all(one.recording.complete for one in batches),
            lost=next((one.recording.lost for one in batches if one.recording.lost), ""),
        ),
        accounts,
        server_rss=rss,
        store_memory={
            arm: round(fmean(found)) for arm, found in _by_arm(one.store_memory for one in batches).items()
        },
        store_rtt_us=fmean(one.store_rtt_us for one in batches),
        longest_profile={
            arm: min(found) for arm, found in _by_arm(one.longest_profile for one in batches).items()
        },
        vitals=vitals,
        sizes=tuple(len(one.plan.targets) for one in batches),
        server_cpus=first.server_cpus,
    )


def _by_arm(batches: Iterable[Mapping[str, int]]) -> dict[str, list[int]]:
    """What each batch found of an arm, of those that it was in."""
    found: dict[str, list[int]] = defaultdict(list)
    for batch in batches:
        for arm, value in batch.items():
            found[arm].append(value)
    return found


def _numbered_on(row: _Row, slots: int, instances: int) -> _Row:
    return replace(row, slot=row.slot + slots, instance=row.instance + instances)


def by_instance(observed: Observation) -> dict[int, list[Slot]]:
    """The slots of every instance that recorded anything, by instance."""
    slots: dict[int, list[Slot]] = defaultdict(list)
    for slot in observed.slots():
        slots[slot.instance].append(slot)
    return dict(sorted(slots.items()))


def arms(observed: Observation) -> dict[str, list[int]]:
    """The instances of every arm that recorded anything."""
    here = set(by_instance(observed))
    own_of = {arm: [i for i in own if i in here] for arm, own in by_arm(observed.plan.targets).items()}
    return {arm: own for arm, own in own_of.items() if own}


def cpu_waits(observed: Observation, arm: str) -> dict[str, float]:
    """Who waited for a CPU that something else had, and for what share of an arm's time: server, load.

    Without the server where nobody reads its CPU.
    """
    own = set(by_arm(observed.plan.targets)[arm])
    slots = [slot for slot in observed.slots() if slot.instance in own]
    read = [slot.server_wait for slot in slots if slot.account.server_cpu_ns is not None]
    return ({"server": fmean(read)} if read else {}) | {
        "load generator": fmean(slot.load_wait for slot in slots)
    }


@dataclass(frozen=True)
class Busy:
    """What under an arm's load was on its CPU: medians over slots.

    Attributes:
        server: Share of the CPUs that an instance can use which it used; None where nobody reads it.
        cpus: How many those are.
        store: Share of one CPU that the store used.
    """

    server: float | None
    cpus: int
    store: float


def busy(observed: Observation, arm: str) -> Busy:
    """How busy an arm's servers and the store were in the arm's slots."""
    own = set(by_arm(observed.plan.targets)[arm])
    slots = [slot for slot in observed.slots() if slot.instance in own]
    shares = [share for slot in slots if (share := slot.server_busy) is not None]
    return Busy(
        median(shares) if shares else None,
        observed.server_cpus,
        median(slot.store_busy for slot in slots),
    )
