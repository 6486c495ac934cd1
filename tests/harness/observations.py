"""Scenarios observed by hand: a few tiny slots whose every figure a test states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.observation import Observation
from harness.protocol.plan import Plan, Target
from harness.protocol.recording import Recording, SlotRecord, SlotUsage, encode
from harness.suites.model import Load, Scenario


@dataclass(frozen=True)
class Seen:
    """One slot of one step: requests within 10 ms, CPU in us per request, latencies in us."""

    instance: int
    requests: int = 10
    server_us: float = 100
    store_us: float = 0
    store_ops: int = 0
    service_us: Sequence[int] = (200,)
    response_us: Sequence[int] = (300,)
    lag_us: Sequence[int] = (10,)
    errors: int = 0
    request_bytes: int = 2000
    response_bytes: int = 1000
    scheduled: int = 10
    late: int = 0
    dropped: int = 0
    load_cpu_us: int = 5000
    elapsed_us: int = 10_000
    load_wait_us: int = 0
    server_wait_us: int | None = 0
    cpus: int = 0
    cpus_busy_us: int = 0
    cpus_irq_us: int = 0


def observe(
    seen: Sequence[Seen],
    arms: Sequence[str] = ("token", "token", "cookie", "cookie"),
    *,
    model: str = "closed",
    primary: str | None = None,
    **recording: Any,
) -> Observation:
    """A scenario of these slots over instances of these arms; further arguments go to the recording."""
    opened = model == "open"
    load = Load(model="open", rate=1000) if opened else Load(model="closed")
    scenario = Scenario(
        name="steady" if opened else "saturation", load=load, seconds=1, slot_ms=10, primary=primary
    )
    plan = Plan(
        scenario=scenario.name,
        model=load.model,
        users=load.users,
        rate=load.rate,
        arrivals=load.arrivals,
        seed=1,
        lead_ns=scenario.lead_ns,
        slot_ns=scenario.slot_ns,
        warmup_requests=0,
        timeout_s=1,
        targets=tuple(Target(i, arm, "127.0.0.1", 8001 + i, "/") for i, arm in enumerate(arms)),
        order=tuple(slot.instance for slot in seen),
        edges="",
    )
    return Observation(
        scenario,
        plan,
        Recording(scenario.name, tuple(_record(i, one, opened) for i, one in enumerate(seen)), **recording),
        [_account(i, one) for i, one in enumerate(seen)],
        server_rss={i: 1_000_000 * (i + 1) for i in range(len(arms))},
        store_memory={arm: 400 if arm == "cookie" else 0 for arm in arms},
    )


def _record(slot: int, one: Seen, opened: bool) -> SlotRecord:
    return SlotRecord(
        slot=slot,
        instance=one.instance,
        step="read",
        elapsed_ns=one.elapsed_us * 1000,
        requests=one.requests,
        errors=one.errors,
        request_bytes=one.request_bytes,
        response_bytes=one.response_bytes,
        service=_histogram(one.service_us),
        response=_histogram(one.response_us) if opened else "",
        lag=_histogram(one.lag_us) if opened else "",
        scheduled=one.scheduled if opened else 0,
        late=one.late,
        dropped=one.dropped,
        load_cpu_ns=one.load_cpu_us * 1000,
        load_wait_ns=one.load_wait_us * 1000,
    )


def _account(slot: int, one: Seen) -> SlotUsage:
    return SlotUsage(
        slot=slot,
        instance=one.instance,
        server_cpu_ns=one.server_us * one.requests * 1e3,
        store_cpu_ns=one.store_us * one.requests * 1e3,
        store_ops=one.store_ops,
        server_wait_ns=None if one.server_wait_us is None else one.server_wait_us * 1000,
        read_ns=one.elapsed_us * 1000,
        cpus=one.cpus,
        cpus_busy_ns=one.cpus_busy_us * 1000,
        cpus_irq_ns=one.cpus_irq_us * 1000,
    )


def _histogram(values_us: Sequence[int]) -> str:
    return encode([value * 1000 for value in values_us])
