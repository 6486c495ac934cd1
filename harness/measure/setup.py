"""What is fixed for all batches and scenarios of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.load.remote import RemoteWorkers
from harness.measure.incidents.kind import IncidentKind
from harness.measure.options import Options
from harness.suites.model import Suite


@dataclass(frozen=True)
class Setup:
    """What is measured, and how.

    Attributes:
        suite: What to measure.
        options: What the command line adds.
        seed: Seeds every random order of the run.
        needs_credential: Scenarios that leave out the arms which authenticate nobody.
        incidents: The kind of each scenario that is an incident, by its index in the suite.
        workers: Load workers of other machines; None if the load comes from processes of this run.
    """

    suite: Suite
    options: Options
    seed: int
    needs_credential: Collection[str]
    incidents: Mapping[int, IncidentKind]
    workers: RemoteWorkers | None

    @property
    def shared_accounts(self) -> int:
        """Accounts that all scenarios share: the most users of any."""
        return max(scenario.load.users for scenario in self.suite.scenarios)

    @property
    def accounts(self) -> int:
        """Accounts that a server needs: the shared ones, and those that incidents use up."""
        return self.spare_account(len(self.suite.scenarios))

    def spare_account(self, index: int) -> int:
        """Return the number of the first account that only the incident with this index uses."""
        before = (kind for position, kind in self.incidents.items() if position < index)
        return self.shared_accounts + sum(kind.spare_accounts * len(self.suite.arms) for kind in before)

    def slot_seed(self, index: int, batch: int) -> int:
        """Return the seed of the order of slots of one scenario in one batch."""
        return self.seed + index + (batch - 1) * len(self.suite.scenarios)
