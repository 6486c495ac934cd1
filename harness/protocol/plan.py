"""Plan of a load run: the server instance of each slot, and the times of requests. Pure.

The harness writes a `Plan` as JSON, and the load generator executes it exactly.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate, pairwise, repeat, takewhile
from typing import Any, Final, Literal

from harness.protocol.dialect import CONTRACT, Dialect

LoadModel = Literal["closed", "open"]
ArrivalProcess = Literal["constant", "poisson"]

#: A slot of the open loop has no arrival in its last 2 ms, so that no request is pending at its end.
OPEN_LOOP_QUIET_NS: Final = 2_000_000


@dataclass(frozen=True)
class Target:
    """One server instance under load."""

    instance: int
    arm: str
    host: str
    port: int
    #: Path of a read: the restricted route, or the public one for the no-auth server.
    read_path: str
    #: Its names for paths, fields and accounts.
    dialect: Dialect = CONTRACT

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Target:
        """Return the target of fields that `asdict` made; raises KeyError or TypeError on anything else."""
        return cls(**{**fields, "dialect": Dialect.of(fields["dialect"])})


@dataclass(frozen=True)
class Plan:
    """Complete instructions of a load generator for one scenario.

    Attributes:
        scenario: Name of the scenario in loadtests/scenarios.
        model: `closed` (every user sends again when answered) or `open` (arrivals on a schedule).
        users: Virtual users; each has its own account and a connection to every instance.
        rate: Arrivals per second, all users together; 0 in closed loop.
        limit_ns: Limit of the 99th percentile of response time, in a search for the highest rate that meets
            it, which begins at `rate`; 0 if the rate is set.
        arrivals: Spacing of the arrivals of the open loop.
        seed: Seed of the order of the slots and of Poisson arrivals.
        lead_ns: First part of a slot, which is sent but not recorded; it lasts until `lead_requests` visits
            have been made, too.
        lead_requests: Visits of all users together in the lead-in, at least.
        slot_ns: The recorded part of a slot.
        warmup_requests: Discarded requests to every instance before the first slot.
        timeout_s: Seconds without an answer after which a request is an error.
        targets: The instances, by index.
        order: Index of the target of each slot.
        edges: Unix socket of the harness, which reads the meters at both edges of a slot; empty for none.
        first_user: Number of the first account: the users of each load process have other accounts.
        process: Number of the load process that this plan is for.
        processes: Number of processes that share the load.
    """

    scenario: str
    model: LoadModel
    users: int
    rate: float
    arrivals: ArrivalProcess
    seed: int
    lead_ns: int
    slot_ns: int
    warmup_requests: int
    timeout_s: float
    targets: tuple[Target, ...]
    order: tuple[int, ...]
    edges: str
    first_user: int = 0
    process: int = 0
    processes: int = 1
    limit_ns: int = 0
    lead_requests: int = 0

    def shared(self, processes: int) -> tuple[Plan, ...]:
        """Divide this plan among load processes: users and warm-up in shares, arrivals in turn.

        Raises:
            ValueError: There are fewer users than processes.
        """
        if processes > self.users:
            raise ValueError(f"{self.users} users cannot be shared by {processes} load processes")
        starts = [self.users * number // processes for number in range(processes + 1)]
        return tuple(
            replace(
                self,
                users=end - start,
                warmup_requests=-(-self.warmup_requests * (end - start) // self.users),
                lead_requests=-(-self.lead_requests * (end - start) // self.users),
                first_user=start,
                process=number,
                processes=processes,
            )
            for number, (start, end) in enumerate(pairwise(starts))
        )

    def dumps(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Plan:
        """Parse what `dumps` wrote; raises KeyError, TypeError or ValueError on anything else."""
        fields = json.loads(text)
        fields["targets"] = tuple(map(Target.of, fields["targets"]))
        fields["order"] = tuple(fields["order"])
        return cls(**fields)


def deal(instances: int, slots: int, seed: int) -> tuple[int, ...]:
    """Assign slots to instances in balanced blocks: each block has every instance once, shuffled.

    A randomised complete block design: a burst of noise affects all arms alike, and no arm always follows
    another. `slots` is rounded up to whole blocks, so that all instances get the same number.
    """
    shuffler = random.Random(seed)  # noqa: S311 - a reproducible plan, not a secret
    order: list[int] = []
    while len(order) < slots:
        block = list(range(instances))
        shuffler.shuffle(block)
        order += block
    return tuple(order)


def arrival_offsets(rate: float, duration_ns: int, process: ArrivalProcess, seed: int) -> Sequence[int]:
    """Return arrival times in ns from the start of a phase, ascending, none in the last 2 ms.

    Poisson arrivals have exponential gaps; the same seed gives the same offsets, so that all instances of a
    block get the same bursts.
    """
    end_ns = duration_ns - OPEN_LOOP_QUIET_NS
    gap_ns = 1e9 / rate
    if process == "constant":
        return [round(i * gap_ns) for i in range(max(0, int(end_ns / gap_ns)) + 1) if i * gap_ns < end_ns]
    rng = random.Random(seed)  # noqa: S311 - a reproducible plan, not a secret
    offsets = accumulate(rng.expovariate(1 / gap_ns) for _ in repeat(None))
    return [round(offset) for offset in takewhile(lambda offset: offset < end_ns, offsets)]


def lead_ns(shortest_ns: int, requests: int, rate: float) -> int:
    """Return the time of a lead-in with at least this many arrivals at a constant rate."""
    return max(shortest_ns, round(requests / rate * 1e9) + OPEN_LOOP_QUIET_NS)


def lead_offsets(
    shortest_ns: int, requests: int, rate: float, process: ArrivalProcess, seed: int
) -> tuple[Sequence[int], int]:
    """Return the arrivals of a lead-in, as `arrival_offsets` does, and its time in ns.

    It is long enough for `requests` arrivals, however they fall.
    """
    duration_ns = lead_ns(shortest_ns, requests, rate)
    while len(offsets := arrival_offsets(rate, duration_ns, process, seed)) < requests:
        duration_ns += round(1e9 / rate)
    return offsets, duration_ns


def split_halves(members: Sequence[int], seed: int) -> tuple[list[int], list[int]]:
    """Split one arm's instances into two random halves for the A/A check; an odd one is left out."""
    shuffled = list(members)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a reproducible split, not a secret
    half = len(shuffled) // 2
    return sorted(shuffled[:half]), sorted(shuffled[half : 2 * half])


def by_arm(targets: Sequence[Target]) -> Mapping[str, list[int]]:
    """Return the instances of every arm, in the order of the plan."""
    arms: dict[str, list[int]] = {}
    for target in targets:
        arms.setdefault(target.arm, []).append(target.instance)
    return arms
