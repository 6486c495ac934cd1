"""Kinds of incident: how each is set up, what is done when, and which outcomes it explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.protocol.incidents import IncidentPlan
from harness.system import plugins

if TYPE_CHECKING:
    from harness.results.incidents import RevocationCost
    from harness.suites.arms import SchemeEntry
    from harness.suites.model import Scenario
    from harness.testbed.launcher import Instance
    from harness.testbed.meters import StoreMeter
    from harness.testbed.rig import Rig


@dataclass(frozen=True)
class IncidentSetting:
    """Setting of an incident.

    Attributes:
        rig: Store and servers.
        instances: Participating instance of each arm, in the order of the plan's `parties`.
        scenario: Scenario of the suite.
        plan: Plan in which all users visit these instances; a kind may change it.
        meter: Meter of the store.
        spare_account: Number of the first of the accounts that only this incident uses:
            `IncidentKind.spare_accounts` for each arm.
    """

    rig: Rig
    instances: Sequence[Instance]
    scenario: Scenario
    plan: IncidentPlan
    meter: StoreMeter
    spare_account: int


@dataclass(frozen=True)
class IncidentStep:
    """Step of an incident, taken at a moment of the load.

    Attributes:
        at_ns: Moment, in ns from the start of the load.
        what: Description, in the past tense.
        do: Function that takes the step and returns once it is done; None for a step of the load itself.
        arm: Affected arm; empty for all arms.
        watched: Affected account, by `VirtualUser.watched`.
        restores: Whether recovery is possible from this step on.
    """

    at_ns: int
    what: str
    do: Callable[[], None] | None
    arm: str = ""
    watched: str = ""
    restores: bool = False


@dataclass(frozen=True)
class Staged:
    """Incident that is set up: the plan of the load, the steps, and the cost of a revocation by arm."""

    plan: IncidentPlan
    steps: Sequence[IncidentStep]
    prices: Mapping[str, RevocationCost] = field(default_factory=dict)


@dataclass(frozen=True)
class IncidentKind:
    """Kind of incident.

    Attributes:
        name: Name that scenarios use in `INCIDENT`.
        explains: Outcomes that the incident can cause. Any other outcome makes the measurement invalid, and
            so does any failure before the first step.
        waived: Further outcomes that it can cause at a scheme that waives a requirement of docs/security.md,
            by that requirement.
        stage: Context that sets the incident up, and cleans up afterwards.
        needs_own_store: Whether it is only allowed with the embedded store.
        takes_overlap: Whether its scenarios have the key `overlap`.
        spare_accounts: Number of accounts of each arm that only the incident uses.
    """

    name: str
    explains: frozenset[str]
    stage: Callable[[IncidentSetting], AbstractContextManager[Staged]]
    waived: Mapping[str, frozenset[str]] = field(default_factory=dict)
    needs_own_store: bool = False
    takes_overlap: bool = False
    spare_accounts: int = 0

    def explained_at(self, scheme: SchemeEntry) -> frozenset[str]:
        """Return the outcomes that the incident can cause at the servers of a scheme."""
        return self.explains.union(*(self.waived.get(requirement, ()) for requirement in scheme.waives))


def find_kind(name: str) -> IncidentKind:
    """Return the kind with this name, as in a scenario's `INCIDENT`.

    Raises:
        KeyError: There is no such kind.
    """
    return kinds()[name]


def kinds() -> dict[str, IncidentKind]:
    """Return every kind in `kinds/`, by name."""
    modules = plugins.modules("harness.measure.incidents.kinds").values()
    return {module.KIND.name: module.KIND for module in modules}
