"""Incidents lived through on paper: a few bins whose every figure a test states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.measure.incidents.record import IncidentRecord
from harness.protocol.incidents import (
    BIN_NS,
    ArmUsers,
    Bin,
    Event,
    IncidentPlan,
    ProbeRecord,
    Timeline,
    VirtualUser,
)
from harness.protocol.plan import Target
from harness.results.incidents import RevocationCost
from harness.suites.model import Load, Scenario

#: Bins of a second.
SECOND = round(1e9 / BIN_NS)

#: A store that is away from 2 s to 3 s, of 6.
OUTAGE = (Event(2_000_000_000, "store killed"), Event(3_000_000_000, "store back", restores=True))


def target(arm: str) -> Target:
    """Where an arm is."""
    return Target(0, arm, "127.0.0.1", 8001, "/api/restricted")


def lived(
    bins: Mapping[str, Mapping[int, Mapping[str, int]]],
    *,
    events: Sequence[Event] = OUTAGE,
    explains: Sequence[str] = ("401", "503"),
    watching: Sequence[ProbeRecord] = (),
    prices: Mapping[str, RevocationCost] | None = None,
    kind: str = "store outage",
    overlap: bool | None = None,
    slowest_ns: int = 0,
    **timeline: Any,
) -> IncidentRecord:
    """Six seconds of these arms; `bins` has outcomes by arm and number, the rest goes to the timeline."""
    load = Load(model="open", users=2, rate=20)
    scenario = Scenario(name=kind.rpartition(" ")[2], load=load, seconds=6, overlap=overlap)
    plan = IncidentPlan(
        scenario=scenario.name,
        rate=20,
        arrivals="constant",
        seed=1,
        duration_ns=6_000_000_000,
        warmup_visits=1,
        timeout_s=4,
        parties=tuple(ArmUsers(target(arm), (VirtualUser(0, "/api/restricted"),)) for arm in bins),
        line="",
    )
    seen = tuple(
        Bin(arm, number, outcomes, slowest_ns)
        for arm, own in bins.items()
        for number, outcomes in sorted(own.items())
    )
    return IncidentRecord(
        scenario,
        kind,
        dict.fromkeys(bins, frozenset(explains)),
        plan,
        Timeline(scenario.name, seen, tuple(watching), **timeline),
        events,
        prices or {},
        dict.fromkeys(bins, 5 * 3600),
    )


def revoked(arm: str, at_ns: int = 2_000_000_000) -> Event:
    """An account of this arm was revoked."""
    return Event(at_ns, "revoked", arm=arm, watched="revoked")
