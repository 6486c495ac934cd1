"""Run of a suite, from its first batch to the result file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Final

from rich.console import Console

from harness.analysis import checks as validity
from harness.analysis.stats.sequential import LOOKS, Pending
from harness.doctor import cpu_speed
from harness.doctor.activity import Pressure
from harness.doctor.examine import QUICK_S, examine
from harness.errors import BenchError, InconclusiveError, InvalidMeasurementError
from harness.load import generator as load
from harness.load.remote import RemoteWorkers
from harness.measure import run_folder
from harness.measure.batch import Batch
from harness.measure.environment import describe
from harness.measure.incidents.kind import find_kind
from harness.measure.options import Options
from harness.measure.progress import Reporter
from harness.measure.result_builder import ResultBuilder
from harness.measure.setup import Setup
from harness.results import archive, model
from harness.results.environment import Environment, MachineFinding
from harness.results.model import Check, Result, SlotTimes
from harness.results.progress_file import ProgressFile
from harness.suites.arms import Arm
from harness.suites.model import Suite, by_conditions
from harness.system import cpus
from harness.system.secret import without_passwords
from harness.testbed.rig import Rig

_NOTHING: Final = Pending(frozenset(), frozenset())


class Run:
    """Run of a suite: batches of fresh instances, and the result so far.

    Args:
        suite: Suite to be measured.
        options: Options of the command line.
        needs_credential: Scenarios that leave out arms without authentication.
        undecided: Function that returns what a further batch is to measure, given the result so far.
        incidents: Kind of incident of each scenario that is an incident, by its name.
        checks: Validity checks made before the run, which belong in the result.
        workers: Load workers on other machines; None if this run starts its load processes.
    """

    def __init__(
        self,
        suite: Suite,
        options: Options,
        needs_credential: Collection[str] = (),
        undecided: Callable[[ResultBuilder], Pending] = ResultBuilder.undecided,
        *,
        incidents: Mapping[str, str] | None = None,
        checks: Sequence[Check] = (),
        workers: RemoteWorkers | None = None,
    ) -> None:
        kinds = {
            index: find_kind(incidents[scenario.name])
            for index, scenario in enumerate(suite.scenarios)
            if incidents and scenario.name in incidents
        }
        seed = secrets.randbelow(2**31) if options.seed is None else options.seed
        self._setup = Setup(suite, options, seed, needs_credential, kinds, workers)
        self._undecided = undecided
        self._looks = 1 if options.until_decided_s is None else LOOKS
        self._batch = 0
        self._builder = ResultBuilder(suite, seed, self._looks)
        self._builder.checks += checks
        self._environment: Environment | None = None
        self._machine: list[MachineFinding] = []
        self._loop_ns: list[float] = []
        self._is_broken = False
        self._broken_off: load.BrokenOffError | None = None
        self._pressure = Pressure.now()
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC)

    def run(self, arms: Mapping[str, Arm], console: Console, *, published: bool = True) -> Result:
        """Measure every scenario in turn; each is on disk before the next starts.

        Args:
            arms: Arms of the suite, by name.
            console: Console for progress messages.
            published: Whether observers can read the progress from a file in the folder of the run.

        Raises:
            BenchError: The run failed; what was measured until then is on disk.
        """
        suite, out = self._setup.suite, self._setup.options.out
        file = ProgressFile(out, suite.name, suite.arms) if published else None
        with Reporter(console, file) as reporter:
            self._machine = examine(suite, out, QUICK_S)
            todo = Pending(frozenset(range(len(suite.scenarios))), frozenset(suite.arms))
            while todo:
                begun = time.monotonic()
                self._batch += 1
                self._measure_batch(todo, [arms[name] for name in suite.arms if name in todo.arms], reporter)
                todo = self._next_batch(todo, time.monotonic() - begun, reporter)
            pressure = Pressure.now()
            stolen, swapped = pressure.since(self._pressure)
            self._builder.checks += [
                validity.check_steal(stolen),
                validity.check_swap(swapped),
                validity.check_memory(pressure.memory_stalled_since(self._pressure)),
            ]
            return self._result()

    def _next_batch(self, last: Pending, last_s: float, reporter: Reporter) -> Pending:
        """Return what a further batch is to measure; empty if there is none.

        Args:
            last: Scenarios and arms of the previous batch.
            last_s: Seconds that the previous batch took.
            reporter: Receives the reason.
        """
        suite, until_decided_s = self._setup.suite, self._setup.options.until_decided_s
        if until_decided_s is None or not self._builder.valid:
            return _NOTHING
        todo = self._undecided(self._builder)
        if not todo:
            return _NOTHING
        if todo.planned:
            reporter.log(f"batch {self._batch + 1} of {self._looks} follows, with fresh server processes")
            return todo
        scenarios = ", ".join(suite.scenarios[index].label for index in sorted(todo.scenarios))
        arms = "" if todo.arms == set(suite.arms) else f", {', '.join(sorted(todo.arms))}"
        pending = f"not decided yet: {scenarios}{arms}"
        if self._batch == self._looks:
            reporter.log(f"{pending}; that was the last of {self._looks} interim analyses")
            return _NOTHING
        done = sum(suite.scenarios[index].seconds for index in last.scenarios - todo.scenarios)
        next_s = (last_s - done) * len(todo.arms) / len(last.arms)
        if time.monotonic() - self._started + next_s > until_decided_s:
            reporter.log(f"{pending}; another {next_s:.0f} s would not end within the limit")
            return _NOTHING
        number = f"{self._batch + 1} of {self._looks}"
        reporter.log(f"{pending}; interim analysis {number} follows, with fresh server processes")
        return todo

    def _measure_batch(self, todo: Pending, arms: Sequence[Arm], reporter: Reporter) -> None:
        """Measure the pending scenarios on fresh instances."""
        setup = self._setup
        if setup.workers is not None:
            cpus.pin(setup.workers.pid, setup.placement.load)
        for conditions, group in by_conditions(setup.suite).items():
            scenarios = {index: scenario for index, scenario in group.items() if index in todo.scenarios}
            wanted = setup.suite.arms_of(scenarios.values())
            arms_of_group = [arm for arm in arms if arm.name in wanted]
            if not arms_of_group or self._is_broken:
                continue
            with Batch.started(setup, conditions, arms_of_group, self._batch, reporter) as batch:
                self._describe(batch.rig)
                for index in scenarios:
                    if not self._is_broken:
                        self._measure(batch, index)

    def _describe(self, rig: Rig) -> None:
        """Record the environment of a rig, and check that its servers run the intended code."""
        self._environment = self._environment or describe(rig, self._machine, self._setup.suite.store_link)
        digests: dict[str, set[str]] = {}
        for instance in rig.instances:
            if instance.process is not None:
                digests.setdefault(instance.ready["package"], set()).add(instance.ready["digest"])
        has_store = self._setup.options.redis_url is not None
        self._builder.checks += [
            validity.check_code(digests, rig.elsewhere),
            *(
                validity.check_elsewhere(arm.name, arm.own.agent, store=has_store)
                for arm in rig.arms
                if arm.own is not None and arm.own.address is not None
            ),
        ]

    def _measure(self, batch: Batch, index: int) -> None:
        """Measure the suite's scenario number `index` with a batch, and save the result so far."""
        out = self._setup.options.out
        self._loop_ns.append(cpu_speed.look().median_ns)
        delay_ms = self._setup.suite.scenarios[index].store_delay_ms
        if delay_ms is not None:
            batch.rig.store.delay(delay_ms)
        if index in self._setup.incidents:
            record = batch.run_incident(index)
            run_folder.save_timeline(record, out, index)
            self._builder.add_incident(index, record)
        else:
            self._measure_slots(batch, index)
        archive.save(self._result(unfinished=True), out)

    def _measure_slots(self, batch: Batch, index: int) -> None:
        """Run one scenario's slots and keep the observation; a load that ends early ends the run.

        Raises:
            InvalidMeasurementError: The load ended early, and nothing has been measured so far.
            BrokenOffError: Another machine stopped answering; the observation until then is kept.
        """
        checks, out, workers = self._builder.checks, self._setup.options.out, self._setup.workers
        try:
            observed, restarted, self._broken_off = batch.observe(index)
        except InvalidMeasurementError as error:
            if not self._builder.measured_s:
                raise
            label = self._setup.suite.scenarios[index].label
            checks.append(validity.check_unfinished(label, str(error)))
            self._is_broken = True
            return
        checks.append(validity.check_restarts(restarted, observed.label))
        self._is_broken = not observed.recording.complete
        run_folder.save_recording(observed, out, index)
        self._builder.add(index, observed)
        if self._broken_off is not None:
            archive.save(self._result(), out)
            raise self._broken_off
        if workers is not None and not self._is_broken:
            checks.append(validity.check_clocks(observed.label, workers.last, len(observed.plan.order)))

    def _exit_code(self) -> int:
        """Return the exit code of a run with the result so far."""
        if self._broken_off is not None:
            return self._broken_off.exit_code
        if not self._builder.valid:
            return InvalidMeasurementError.exit_code
        if self._setup.options.until_decided_s is not None and self._undecided(self._builder):
            return InconclusiveError.exit_code
        return 0

    def _result(self, *, unfinished: bool = False) -> Result:
        builder, setup = self._builder, self._setup
        if self._environment is None:
            raise AssertionError("nothing has been measured yet")
        return Result(
            run=model.RunInfo(
                id=setup.options.out.name,
                suite=setup.suite.name,
                seed=setup.seed,
                started_at=self._started_at.isoformat(timespec="seconds"),
                wall_s=time.monotonic() - self._started,
                measured_s=builder.measured_s,
                confidence=setup.suite.confidence,
                command=without_passwords(setup.options.command),
                margin=setup.suite.margin,
                looks=self._looks,
                batches=self._batch,
                # A killed run cannot change it afterwards.
                exit_code=BenchError.exit_code if unfinished else self._exit_code(),
                answers_end=builder.answers_end,
                slots=_slots(setup),
            ),
            environment=self._environment.model_copy(
                update={
                    "turn_ns": median(self._loop_ns),
                    "workers": [] if setup.workers is None else setup.workers.found,
                }
            ),
            validity=builder.checks,
            measurements=builder.measurements,
            comparisons=builder.comparisons,
            distributions=builder.distributions,
            vitals=builder.vitals,
            incidents=builder.incidents,
        )


def _slots(setup: Setup) -> list[SlotTimes]:
    """Return the slot settings of each scenario that has slots."""
    return [
        SlotTimes(
            scenario=scenario.name,
            load=scenario.load.label,
            params=scenario.params,
            lead_ms=scenario.lead_ns / 1e6,
            lead_requests=scenario.least_lead,
            slot_ms=scenario.slot_ns / 1e6,
            warmup_requests=setup.suite.warmup(scenario),
        )
        for index, scenario in enumerate(setup.suite.scenarios)
        if index not in setup.incidents
    ]
