"""The plan of one load run: which slot belongs to which server instance, and when requests arrive. Pure.

The harness makes a `Plan`, writes it as JSON, and the load generator follows it to the letter.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

from harness.protocol.dialect import CONTRACT, Dialect

LoadModel = Literal["closed", "open"]
ArrivalProcess = Literal["constant", "poisson"]

#: A slot of the open loop has no arrival in its last 2 ms, so that it ends drained.
OPEN_LOOP_QUIET_NS: Final = 2_000_000


@dataclass(frozen=True)
class Target:
    """One server instance under load."""

    instance: int
    arm: str
    host: str
    port: int
    #: What a read asks for: the restricted route, or the public one for the floor.
    read_path: str
    #: How it speaks the contract.
    dialect: Dialect = CONTRACT

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Target:
        """The target that `asdict` made these fields of; KeyError or TypeError on anything else."""
        return cls(**{**fields, "dialect": Dialect.of(fields["dialect"])})


@dataclass(frozen=True)
class Plan:
    """Everything a load generator needs to know for one scenario.

    Attributes:
        scenario: Name of the scenario in loadtests/scenarios.
        model: `closed` (every user sends again when answered) or `open` (arrivals on a schedule).
        users: Virtual users; each has its own account and a connection to every instance.
        rate: Arrivals per second, all users together; 0 in closed loop.
        limit_ns: Of the 99th percentile of response time, in a search for the highest rate that keeps it,
            which begins at `rate`; 0 where the rate is set.
        arrivals: How arrivals of the open loop are spaced.
        seed: Seeds the order of the slots and Poisson arrivals.
        lead_ns: Start of a slot that is sent but not recorded.
        slot_ns: The recorded part of a slot.
        warmup_requests: Discarded requests to every instance before the first slot.
        timeout_s: A request without an answer after this long is an error.
        targets: The instances, by index.
        order: For each slot the index of its target.
        edges: Unix socket of the harness that reads the meters at both edges of a slot; empty for none.
        first_user: Number of the first account: each load process has users of its own.
        process: Which of the load processes this plan is for.
        processes: How many share the load.
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

    def shared(self, processes: int) -> tuple[Plan, ...]:
        """This plan for so many load processes: users and warm-up divided, arrivals dealt in turn.

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
                first_user=start,
                process=number,
                processes=processes,
            )
            for number, (start, end) in enumerate(pairwise(starts))
        )

    def dumps(self) -> str:
        """The plan as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Plan:
        """The plan that `dumps` wrote; raises KeyError, TypeError or ValueError on anything else."""
        fields = json.loads(text)
        fields["targets"] = tuple(map(Target.of, fields["targets"]))
        fields["order"] = tuple(fields["order"])
        return cls(**fields)


def deal(instances: int, slots: int, seed: int) -> tuple[int, ...]:
    """Deal `slots` slots to instances in balanced blocks: each block is every instance once, shuffled.

    A randomised complete block design: a burst of the machine hits all arms alike, and no arm always follows
    another. `slots` is rounded up to whole blocks, so that all instances get equally many.
    """
    shuffler = random.Random(seed)  # noqa: S311 - a reproducible plan, not a secret
    order: list[int] = []
    while len(order) < slots:
        block = list(range(instances))
        shuffler.shuffle(block)
        order += block
    return tuple(order)


def arrival_offsets(rate: float, duration_ns: int, process: ArrivalProcess, seed: int) -> Sequence[int]:
    """Arrival times in ns from the start of a phase, ascending, none in the quiet last 2 ms.

    Poisson arrivals have exponential gaps; the same seed gives the same offsets, so that all instances of a
    block meet the same bursts.
    """
    last = duration_ns - OPEN_LOOP_QUIET_NS
    gap = 1e9 / rate
    if process == "constant":
        return [round(i * gap) for i in range(max(0, int(last / gap)) + 1) if i * gap < last]
    dice = random.Random(seed)  # noqa: S311 - a reproducible plan, not a secret
    offsets: list[int] = []
    at = dice.expovariate(1 / gap)
    while at < last:
        offsets.append(round(at))
        at += dice.expovariate(1 / gap)
    return offsets


def split_halves(members: Sequence[int], seed: int) -> tuple[list[int], list[int]]:
    """Two random halves of one arm's instances, for the A/A check; an odd one out is left aside."""
    shuffled = list(members)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a reproducible split, not a secret
    half = len(shuffled) // 2
    return sorted(shuffled[:half]), sorted(shuffled[half : 2 * half])


def by_arm(targets: Sequence[Target]) -> Mapping[str, list[int]]:
    """The instances of every arm, in the order of the plan."""
    arms: dict[str, list[int]] = {}
    for target in targets:
        arms.setdefault(target.arm, []).append(target.instance)
    return arms
