"""What a kind of incident offers: how it is set up, what is done when, and which outcomes it explains."""

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
    """What an incident is made from.

    Attributes:
        rig: Store and servers.
        instances: The one instance of each arm that takes part, in the order of the plan's parties.
        scenario: What the suite says.
        plan: All people go to these instances; a kind may change it.
        meter: Of the store.
        spare_account: Number of the first account that nobody else comes to: `Kind.spare_accounts` for each
            arm follow.
    """

    rig: Rig
    instances: Sequence[Instance]
    scenario: Scenario
    plan: IncidentPlan
    meter: StoreMeter
    spare_account: int


@dataclass(frozen=True)
class IncidentStep:
    """Something to be done at a moment of the load.

    Attributes:
        at_ns: The moment, from the load's beginning.
        what: In words, past tense.
        do: Does it, and returns once it is done; None for what the load does by itself at that moment.
        arm: To which arm; empty for all.
        watched: To whose account, by `Person.watched`.
        restores: From here on all could be well again.
    """

    at_ns: int
    what: str
    do: Callable[[], None] | None
    arm: str = ""
    watched: str = ""
    restores: bool = False


@dataclass(frozen=True)
class Staged:
    """An incident that is set up: what the load is told, what is done meanwhile, what that costs an arm."""

    plan: IncidentPlan
    steps: Sequence[IncidentStep]
    prices: Mapping[str, RevocationCost] = field(default_factory=dict)


@dataclass(frozen=True)
class IncidentKind:
    """A kind of incident.

    Attributes:
        name: As scenarios have it in `INCIDENT`.
        explains: Outcomes that it may bring about. Any other makes the measurement invalid, and so does any
            failure before the first step.
        waived: What it may bring about besides at a scheme that waives a requirement of docs/security.md, by
            that requirement.
        stage: Sets it up, and takes down afterwards what that needed.
        needs_own_store: It is nothing to be done to a store of the user's own.
        takes_overlap: The suite says `overlap` of it, and of no other.
        spare_accounts: Accounts of its own that it needs for each arm.
    """

    name: str
    explains: frozenset[str]
    stage: Callable[[IncidentSetting], AbstractContextManager[Staged]]
    waived: Mapping[str, frozenset[str]] = field(default_factory=dict)
    needs_own_store: bool = False
    takes_overlap: bool = False
    spare_accounts: int = 0

    def explained_at(self, scheme: SchemeEntry) -> frozenset[str]:
        """Outcomes that it may bring about at the servers of a scheme."""
        return self.explains.union(*(self.waived.get(one, ()) for one in scheme.waives))


def find_kind(name: str) -> IncidentKind:
    """Return the kind of that name, as a scenario's `INCIDENT` has it.

    Raises:
        KeyError: There is none.
    """
    return kinds()[name]


def kinds() -> dict[str, IncidentKind]:
    """Return every kind in `kinds/`, by name."""
    modules = plugins.modules("harness.measure.incidents.kinds").values()
    return {module.KIND.name: module.KIND for module in modules}
