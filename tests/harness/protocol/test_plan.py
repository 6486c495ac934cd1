"""The plan: balanced blocks, arrival times, halves, and its way through JSON."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocol.plan import (
    OPEN_LOOP_QUIET_NS,
    ArrivalProcess,
    Plan,
    Target,
    arrival_offsets,
    by_arm,
    deal,
    lead_ns,
    lead_offsets,
    split_halves,
)

seeds = st.integers(min_value=0, max_value=2**63)


def plan(**changes: object) -> Plan:
    """A plan of two instances."""
    fields: dict[str, object] = {
        "scenario": "steady",
        "model": "open",
        "users": 4,
        "rate": 600.5,
        "arrivals": "poisson",
        "seed": 7,
        "lead_ns": 5_000_000,
        "slot_ns": 95_000_000,
        "warmup_requests": 50,
        "timeout_s": 2.5,
        "targets": (
            Target(0, "token", "127.0.0.1", 8001, "/restricted"),
            Target(1, "anonymous", "127.0.0.1", 8002, "/plain"),
        ),
        "order": (1, 0, 0, 1),
        "edges": "/tmp/edges",  # noqa: S108 - a name, never opened
    }
    return Plan(**(fields | changes))  # type: ignore[arg-type]


@given(st.integers(0, 60), st.floats(20, 3000), st.sampled_from(["constant", "poisson"]), seeds)
def test_a_lead_in_has_its_requests(least: int, rate: float, arrivals: ArrivalProcess, seed: int) -> None:
    """However they fall, and for no less than its time; the last is answered before it ends."""
    offsets, duration_ns = lead_offsets(5_000_000, least, rate, arrivals, seed)
    assert len(offsets) >= least
    assert duration_ns >= max(5_000_000, least / rate * 1e9)
    assert all(0 <= offset <= duration_ns - 2_000_000 for offset in offsets)
    if arrivals == "constant":
        assert duration_ns == lead_ns(5_000_000, least, rate)


def test_load_processes_share_a_lead_in() -> None:
    """Of ten requests each of three processes makes its share, rounded up."""
    assert [part.lead_requests for part in plan(users=6, lead_requests=10).shared(3)] == [4, 4, 4]
    assert [part.lead_requests for part in plan(users=6, lead_requests=0).shared(3)] == [0, 0, 0]


@given(st.integers(1, 24), st.integers(1, 200), seeds)
def test_every_block_has_every_instance_once(instances: int, slots: int, seed: int) -> None:
    """Whole blocks, each a permutation, and no more blocks than the slots need."""
    order = deal(instances, slots, seed)
    assert len(order) % instances == 0
    assert slots <= len(order) < slots + instances
    for start in range(0, len(order), instances):
        assert sorted(order[start : start + instances]) == list(range(instances))


def test_the_seed_decides_the_order() -> None:
    """The same seed deals the same, another one differently, and blocks differ from each other."""
    order = deal(16, 160, 1)
    assert deal(16, 160, 1) == order
    assert deal(16, 160, 2) != order
    assert len({order[start : start + 16] for start in range(0, 160, 16)}) == 10


def test_no_instance_always_has_the_same_place() -> None:
    """Over 2,000 blocks of four each instance leads about a quarter of them (s.d. 19)."""
    order = deal(4, 8000, 3)
    leaders = order[::4]
    assert all(400 < leaders.count(instance) < 600 for instance in range(4))


def test_constant_arrivals_by_hand() -> None:
    """1,000 a second in 7 ms: at 0 to 4 ms, since the last 2 ms stay quiet."""
    assert arrival_offsets(1000, 7_000_000, "constant", 0) == [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]


@pytest.mark.parametrize(("rate", "count"), [(600, 59), (1000, 98), (4500, 441), (1, 1)])
def test_constant_arrivals_come_at_their_rate(rate: float, count: int) -> None:
    """100 ms have 98 ms of arrivals, the first at once."""
    assert len(arrival_offsets(rate, 100_000_000, "constant", 0)) == count


def test_poisson_arrivals_come_at_their_rate() -> None:
    """1,000 a second in 100 ms of arrivals, 400 seeds: 100 each, s.d. 10, so that the mean has 0.5."""
    counts = [len(arrival_offsets(1000, 102_000_000, "poisson", seed)) for seed in range(400)]
    assert fmean(counts) == pytest.approx(100, abs=2)
    spread = fmean((count - 100) ** 2 for count in counts)
    assert 75 < spread < 130


def test_poisson_arrivals_are_seeded() -> None:
    """The same seed gives the same bursts; another one others."""
    first = arrival_offsets(1000, 100_000_000, "poisson", 5)
    assert arrival_offsets(1000, 100_000_000, "poisson", 5) == first
    assert arrival_offsets(1000, 100_000_000, "poisson", 6) != first


@given(
    st.floats(min_value=1, max_value=20_000),
    st.integers(min_value=0, max_value=300_000_000),
    st.sampled_from(["constant", "poisson"]),
    seeds,
)
def test_arrivals_ascend_and_end_in_quiet(
    rate: float, duration_ns: int, process: ArrivalProcess, seed: int
) -> None:
    """Ascending, none before the start, none in the last 2 ms, none at all in a phase of 2 ms."""
    offsets = arrival_offsets(rate, duration_ns, process, seed)
    assert list(offsets) == sorted(offsets)
    assert all(0 <= offset <= duration_ns - OPEN_LOOP_QUIET_NS for offset in offsets)
    if duration_ns <= OPEN_LOOP_QUIET_NS:
        assert list(offsets) == []


def test_a_plan_survives_json() -> None:
    """What is read is what was written, types included: the plan is frozen and compared as a whole."""
    there = plan()
    back = Plan.loads(there.dumps())
    assert back == there
    assert isinstance(back.order, tuple)
    assert isinstance(back.targets[1], Target)


@pytest.mark.parametrize("text", ["", "null", "[]", "3", "{}", plan().dumps().replace('"users"', '"people"')])
def test_other_json_is_no_plan(text: str) -> None:
    """Text that no plan wrote is refused, never half understood."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        Plan.loads(text)


@given(st.integers(0, 64), seeds)
def test_halves_are_disjoint_and_equal(count: int, seed: int) -> None:
    """No instance in both halves, the two equally large, at most one left aside."""
    members = list(range(100, 100 + count))
    first, second = split_halves(members, seed)
    assert len(first) == len(second) == count // 2
    assert not set(first) & set(second)
    assert set(first) | set(second) <= set(members)


def test_halves_are_seeded() -> None:
    """The same seed splits the same; over seeds any instance is found in either half."""
    assert split_halves(range(8), 3) == split_halves(range(8), 3)
    homes = {0 in split_halves(range(8), seed)[0] for seed in range(40)}
    assert homes == {True, False}


def test_instances_by_arm_keep_the_order_of_the_plan() -> None:
    """Arms as they first appear, each with its own instances."""
    targets = [Target(i, arm, "h", 1, "/") for i, arm in enumerate(["token", "cookie", "token", "cookie"])]
    grouped = by_arm(targets)
    assert list(grouped) == ["token", "cookie"]
    assert grouped == {"token": [0, 2], "cookie": [1, 3]}


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 2000))
def test_shares_make_up_the_whole(users: int, processes: int, warmup: int) -> None:
    """Every account has one process, no two share one, and the warm-up is at least what was asked."""
    whole = replace(plan(), users=users, warmup_requests=warmup)
    if processes > users:
        with pytest.raises(ValueError, match="cannot be shared"):
            whole.shared(processes)
        return
    shares = whole.shared(processes)
    accounts = [share.first_user + index for share in shares for index in range(share.users)]
    assert accounts == list(range(users))
    assert min(share.users for share in shares) > 0
    assert warmup <= sum(share.warmup_requests for share in shares) < warmup + processes
    assert [(share.process, share.processes) for share in shares] == [
        (n, processes) for n in range(processes)
    ]


def test_one_process_has_the_whole_plan() -> None:
    """Nothing changes for a load that is not shared."""
    assert plan().shared(1) == (plan(),)
