"""Settings of a run that are fixed for all of its batches and scenarios."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.load.generator import Generator
from harness.load.remote import RemoteWorkers
from harness.measure.incidents.kind import IncidentKind
from harness.measure.options import Options
from harness.suites.model import Suite
from harness.system.cpus import Placement, place, usable_cpus


@dataclass(frozen=True)
class Setup:
    """Settings of a run.

    Attributes:
        suite: Suite to be measured.
        options: Options of the command line.
        seed: Seed of every random order of the run.
        needs_credential: Scenarios that leave out arms without authentication.
        incidents: Kind of each scenario that is an incident, by its index in the suite.
        workers: Load workers on other machines; None if the load comes from processes of this run.
    """

    suite: Suite
    options: Options
    seed: int
    needs_credential: Collection[str]
    incidents: Mapping[int, IncidentKind]
    workers: RemoteWorkers | None

    @cached_property
    def placement(self) -> Placement:
        """Return the CPUs of servers, store and load."""
        return place(usable_cpus(), self.options.processes, self.suite.processes_each)

    @property
    def generator(self) -> Generator:
        """Return the source of the load."""
        return Generator(self.options.processes, self.placement.load, self.workers)

    @property
    def accounts(self) -> int:
        """Return the number of accounts that a server needs: the shared ones, and those of incidents."""
        return self.spare_account(len(self.suite.scenarios))

    def spare_account(self, index: int) -> int:
        """Return the number of the first account that only the incident with this index uses."""
        before = (kind for position, kind in self.incidents.items() if position < index)
        shared = max(scenario.load.users for scenario in self.suite.scenarios)
        return shared + sum(kind.spare_accounts * len(self.suite.arms) for kind in before)

    def slot_seed(self, index: int, batch: int) -> int:
        """Return the seed of the order of slots of one scenario in one batch."""
        return self.seed + index + (batch - 1) * len(self.suite.scenarios)
