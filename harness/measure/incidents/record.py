"""What one incident was, and what was seen of it: all that its figures and checks are made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.protocol.incidents import Event, IncidentPlan, Timeline
from harness.results.incidents import RevocationCost
from harness.suites.model import Scenario


@dataclass(frozen=True)
class IncidentRecord:
    """One incident.

    Attributes:
        scenario: What the suite said.
        kind: Name of the kind of incident.
        explains: Outcomes that it may bring about, by arm.
        plan: What the load was told.
        timeline: What the load saw.
        events: What was done, in the order of time.
        prices: What that cost by itself, by arm, where it was counted.
        lifetimes_s: How long a credential lives that nothing ends, by arm.
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
    def arms(self) -> list[str]:
        """The arms, in the order of the suite."""
        return [party.target.arm for party in self.plan.parties]

    @property
    def measured_s(self) -> float:
        """Seconds of load."""
        return self.plan.duration_ns / 1e9

    @property
    def label(self) -> str:
        """The scenario as people read it."""
        return self.scenario.label
