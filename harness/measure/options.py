"""Options of a run, and the settings that are fixed for all of its batches and scenarios."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.load.generator import Generator
from harness.load.remote import DEFAULT_BIND, RemoteWorkers
from harness.measure.incidents.kind import IncidentKind
from harness.suites.model import Suite
from harness.system.cpus import Placement, place, usable_cpus
from harness.testbed.rig import Rig


@dataclass(frozen=True)
class Options:
    """Options that the command line adds to a suite.

    Attributes:
        out: Folder of this run.
        seed: Seed of the plan; None for a random seed, which the result records.
        loop: Event loop of the servers.
        redis_url: URL of the user's store; None for the embedded store.
        processes: Number of load processes.
        expect_workers: Number of workers on other machines that generate the load instead; 0 for none.
        workers_bind: Address that these workers connect to.
        workers_wait_s: Seconds to wait for the workers.
        command: Command line, as recorded in the result.
        until_decided_s: Time limit in seconds for further batches of fresh instances, up to
            `sequential.LOOKS` in all, which end once every verdict is reached; None for a single batch.
        beside: Context that is active during the load of every rig; for calibration.
        may_load_others: Whether addresses of the suite on other machines may be loaded.
    """

    out: Path
    seed: int | None = None
    loop: str = "uvloop"
    redis_url: str | None = None
    processes: int = 1
    expect_workers: int = 0
    workers_bind: str = DEFAULT_BIND
    workers_wait_s: float = 600
    command: list[str] = field(default_factory=lambda: ["bench.py", *sys.argv[1:]])
    until_decided_s: float | None = None
    beside: Callable[[Rig], AbstractContextManager[object]] = nullcontext
    may_load_others: bool = False


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
