"""Record of one incident: the data that its metrics and checks are made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.protocol.incidents import Event, IncidentPlan, Timeline
from harness.results.incidents import RevocationCost
from harness.suites.model import Scenario


@dataclass(frozen=True)
class IncidentRecord:
    """Record of one incident.

    Attributes:
        scenario: Scenario of the suite.
        kind: Name of the kind of incident.
        explains: Outcomes that the incident can cause, by arm.
        plan: Plan of the load.
        timeline: Timeline that the load recorded.
        events: Steps taken, in the order of time.
        prices: Cost of one revocation, by arm; empty if not measured.
        lifetimes_s: Lifetime of a credential that is not revoked, in seconds, by arm.
    """

    scenario: Scenario
    kind: str
    explains: Mapping[str, frozenset[str]]
    plan: IncidentPlan
    timeline: Timeline
    events: Sequence[Event]
    prices: Mapping[str, RevocationCost] = field(default_factory=dict)
    lifetimes_s: Mapping[str, int] = field(default_factory=dict)

    @property
    def measured_s(self) -> float:
        """Return the seconds of load."""
        return self.plan.duration_ns / 1e9
