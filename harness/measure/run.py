"""One run, from suite to result file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Final

from harness.analysis import checks as validity
from harness.analysis.stats.sequential import LOOKS, Pending
from harness.doctor import cpu_speed
from harness.doctor.examine import QUICK_S, examine
from harness.doctor.pressure import Pressure
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
from harness.measure.slots import ObservedLoad
from harness.results import archive, model
from harness.results.environment import Environment, MachineFinding
from harness.results.model import Check, Result, SlotTimes
from harness.suites.arms import Arm
from harness.suites.model import Suite, by_conditions
from harness.system import cpus
from harness.system.cpus import Placement, place
from harness.system.secret import without_passwords
from harness.testbed.rig import Rig

_NOTHING: Final = Pending(frozenset(), frozenset())


class Run:
    """One run: batch after batch of fresh instances, and what has been found so far.

    Args:
        suite: What to measure.
        options: What the command line adds.
        needs_credential: Scenarios that leave out the arms which authenticate nobody.
        undecided: Returns what a further batch is to measure, from what was found so far.
        incidents: The kind of incident of each scenario that is one, by its name.
        checks: What was found out before, and belongs in the result.
        workers: Load workers of other machines; None for load processes of this run's own.
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
        self._findings = ResultBuilder(suite, seed, self._looks)
        self._findings.checks += checks
        self._environment: Environment | None = None
        self._doctor: list[MachineFinding] = []
        self._turns_ns: list[float] = []
        self._is_broken = False
        self._broken_off: load.BrokenOffError | None = None
        self._pressure = Pressure.now()
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC)

    def run(self, arms: Mapping[str, Arm], reporter: Reporter) -> Result:
        """Measure every scenario in turn; each is on disk before the next starts.

        Args:
            arms: What each arm of the suite runs, by its name.
            reporter: Receives progress messages.

        Raises:
            BenchError: What was measured until then is on disk.
        """
        suite = self._setup.suite
        self._doctor = examine(suite, self._setup.options.out, QUICK_S)
        todo = Pending(frozenset(range(len(suite.scenarios))), frozenset(suite.arms))
        while todo:
            begun = time.monotonic()
            self._batch += 1
            self._measure_batch(todo, [arms[name] for name in suite.arms if name in todo.arms], reporter)
            todo = self._next_batch(todo, time.monotonic() - begun, reporter)
        pressure = Pressure.now()
        stolen, swapped = pressure.since(self._pressure)
        self._findings.checks += [
            validity.check_steal(stolen),
            validity.check_swap(swapped),
            validity.check_memory(pressure.memory_stalled_since(self._pressure)),
        ]
        return self._result()

    def _next_batch(self, last: Pending, last_s: float, reporter: Reporter) -> Pending:
        """Return what a further batch is to measure, nothing if there is to be none.

        Args:
            last: What the batch before measured.
            last_s: Seconds that it took.
            reporter: Receives the reason.
        """
        suite, until_decided_s = self._setup.suite, self._setup.options.until_decided_s
        if until_decided_s is None or not self._findings.valid:
            return _NOTHING
        todo = self._undecided(self._findings)
        if not todo:
            return _NOTHING
        if todo.planned:
            reporter.log(f"batch {self._batch + 1} of {self._looks} follows, with fresh instances")
            return todo
        scenarios = ", ".join(suite.scenarios[index].label for index in sorted(todo.scenarios))
        some = "" if todo.arms == set(suite.arms) else f", {', '.join(sorted(todo.arms))}"
        left = f"not decided yet: {scenarios}{some}"
        if self._batch == self._looks:
            reporter.log(f"{left}; that was the last of {self._looks} looks")
            return _NOTHING
        done = sum(suite.scenarios[index].seconds for index in last.scenarios - todo.scenarios)
        next_s = (last_s - done) * len(todo.arms) / len(last.arms)
        if time.monotonic() - self._started + next_s > until_decided_s:
            reporter.log(f"{left}; another {next_s:.0f} s would not end within the limit")
            return _NOTHING
        reporter.log(f"{left}; look {self._batch + 1} of {self._looks} follows, with fresh instances")
        return todo

    def _measure_batch(self, todo: Pending, arms: Sequence[Arm], reporter: Reporter) -> None:
        """Measure what is open, on instances started for it."""
        setup = self._setup
        placement = place(cpus.usable_cpus(), setup.options.processes, setup.suite.processes_each)
        generator = load.Generator(setup.options.processes, placement.load, setup.workers)
        if setup.workers is not None:
            cpus.pin(setup.workers.pid, placement.load)
        for conditions, every in by_conditions(setup.suite).items():
            scenarios = {index: scenario for index, scenario in every.items() if index in todo.scenarios}
            wanted = setup.suite.arms_of(scenarios.values())
            some = [arm for arm in arms if arm.name in wanted]
            if not some or self._is_broken:
                continue
            with Batch.started(
                setup,
                conditions,
                some,
                self._batch,
                placement=placement,
                generator=generator,
                reporter=reporter,
            ) as batch:
                self._describe(batch.rig, placement)
                self._measure(batch, scenarios)

    def _describe(self, rig: Rig, placement: Placement) -> None:
        """Note what the servers of a rig are, and whether they are what was meant."""
        self._environment = self._environment or describe(rig, placement, self._doctor)
        self._findings.checks.append(validity.check_code(_digests(rig), rig.elsewhere))
        has_store = self._setup.options.redis_url is not None
        self._findings.checks += [
            validity.check_elsewhere(arm.name, arm.own.agent, store=has_store)
            for arm in rig.arms
            if arm.own is not None and arm.own.address is not None
        ]

    def _measure(self, batch: Batch, indices: Collection[int]) -> None:
        """Put one scenario after the other on a batch, by their index in the suite."""
        suite, out = self._setup.suite, self._setup.options.out
        for index in indices:
            if self._is_broken:
                return
            self._turns_ns.append(cpu_speed.look().median_ns)
            delay_ms = suite.scenarios[index].store_delay_ms
            if delay_ms is not None:
                batch.rig.store.delay(delay_ms)
            if index in self._setup.incidents:
                lived = batch.run_incident(index)
                run_folder.save_timeline(lived, out, index)
                self._findings.add_incident(index, lived)
            else:
                self._measure_slots(batch, index)
            archive.save(self._result(unfinished=True), out)

    def _measure_slots(self, batch: Batch, index: int) -> None:
        """Put one scenario's slots on a batch, and keep what was seen; a load that breaks off is the last.

        Raises:
            InvalidMeasurementError: It broke off, and neither of it nor of what was before is anything kept.
            BrokenOffError: It did since another machine answers no more; what was seen is kept.
        """
        try:
            seen = batch.observe(index)
        except InvalidMeasurementError as error:
            if not self._findings.measured_s:
                raise
            label = self._setup.suite.scenarios[index].label
            self._findings.checks.append(validity.check_unfinished(label, str(error)))
            self._is_broken = True
            return
        self._keep(index, seen)

    def _keep(self, index: int, seen: ObservedLoad) -> None:
        observed, self._broken_off = seen.observed, seen.broken_off
        self._findings.checks.append(validity.check_restarts(seen.restarted, observed.label))
        self._is_broken = not observed.recording.complete
        run_folder.save_recording(observed, self._setup.options.out, index)
        self._findings.add(index, observed)
        if self._broken_off is not None:
            archive.save(self._result(), self._setup.options.out)
            raise self._broken_off
        workers = self._setup.workers
        if workers is not None and not self._is_broken:
            self._findings.checks.append(
                validity.check_clocks(observed.label, workers.last, len(observed.plan.order))
            )

    def _exit_code(self) -> int:
        """Return the code that a run with these findings ends with."""
        if self._broken_off is not None:
            return self._broken_off.exit_code
        if not self._findings.valid:
            return InvalidMeasurementError.exit_code
        if self._setup.options.until_decided_s is not None and self._undecided(self._findings):
            return InconclusiveError.exit_code
        return 0

    def _result(self, *, unfinished: bool = False) -> Result:
        findings, setup = self._findings, self._setup
        if self._environment is None:
            raise AssertionError("nothing has been measured yet")
        return Result(
            run=model.RunInfo(
                id=setup.options.out.name,
                suite=setup.suite.name,
                seed=setup.seed,
                started_at=self._started_at.isoformat(timespec="seconds"),
                wall_s=time.monotonic() - self._started,
                measured_s=findings.measured_s,
                confidence=setup.suite.confidence,
                command=without_passwords(setup.options.command),
                margin=setup.suite.margin,
                looks=self._looks,
                batches=self._batch,
                # A run that is killed cannot change it any more.
                exit_code=BenchError.exit_code if unfinished else self._exit_code(),
                answers_end=findings.answers_end,
                slots=_slots(setup),
            ),
            environment=self._environment.model_copy(
                update={
                    "turn_ns": median(self._turns_ns),
                    "workers": [] if setup.workers is None else setup.workers.found,
                }
            ),
            validity=findings.checks,
            measurements=findings.measurements,
            comparisons=findings.comparisons,
            distributions=findings.distributions,
            vitals=findings.vitals,
            incidents=findings.incidents,
        )


def _slots(setup: Setup) -> list[SlotTimes]:
    """Return how the slots of each scenario that has some were cut."""
    return [
        SlotTimes(
            scenario=scenario.name,
            load=scenario.load.label,
            params=scenario.params,
            lead_ms=scenario.lead_ns / 1e6,
            slot_ms=scenario.slot_ns / 1e6,
            warmup_requests=setup.suite.warmup(scenario),
        )
        for index, scenario in enumerate(setup.suite.scenarios)
        if index not in setup.incidents
    ]


def _digests(rig: Rig) -> dict[str, set[str]]:
    """Return what each tree's instances report of the code that they loaded, by its place."""
    digests: dict[str, set[str]] = {}
    for instance in rig.instances:
        if instance.process is not None:
            digests.setdefault(instance.ready["package"], set()).add(instance.ready["digest"])
    return digests
