"""One run, from suite to result file."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from harness.analysis import checks as validity
from harness.analysis.stats.sequential import LOOKS, Open
from harness.doctor import cpu_speed
from harness.doctor.examine import QUICK_S, examine
from harness.errors import BenchError, InconclusiveError, InvalidMeasurementError
from harness.load import generator as load
from harness.load.remote import DEFAULT_BIND, Workers
from harness.load.usage import StoreMeter
from harness.measure.environment import Pressure, describe
from harness.measure.incidents import kinds
from harness.measure.incidents.driver import live_through
from harness.measure.incidents.record import Lived
from harness.measure.progress import Reporter
from harness.measure.result_builder import Findings
from harness.measure.slots import observe
from harness.protocol.incidents import Event
from harness.results import archive
from harness.results.model import Check, Environment, Finding, Result, Run, Slots
from harness.suites.arms import Arm
from harness.suites.model import Conditions, Scenario, Suite, by_conditions
from harness.system import processes
from harness.system.cpus import Placement, place
from harness.system.redacting import without_passwords
from harness.testbed import seeding
from harness.testbed.launcher import LOOPBACK, Serving
from harness.testbed.rig import Rig

_NOTHING: Final = Open(frozenset(), frozenset())
#: Discarded requests to each process of an instance that another scenario has warmed up already.
_WARM_REQUESTS = 100


@dataclass(frozen=True)
class Options:
    """What the command line adds to a suite.

    Attributes:
        out: Folder of this run.
        seed: Seeds the plan; None draws one, which the result names.
        loop: Event loop of the servers.
        redis_url: A store of the user's own.
        processes: Load processes that share the load.
        expect_workers: How many workers, started elsewhere, make the load in their place; 0 for none.
        workers_bind: Where these find the run.
        workers_wait_s: For how long they are awaited.
        command: The command line, as the result records it.
        until_decided_s: Measure further batches of fresh instances, `looks.LOOKS` in all, until every verdict
            is reached or a batch more would not end within so many seconds; None for one batch.
        beside: What goes on beside the load of every rig; for calibration.
        may_load_others: Whether addresses of the suite that are not this machine's may be loaded.
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


class Measuring:
    """One run under way: what is fixed for all its scenarios, and what has been found so far.

    Args:
        suite: What to measure.
        options: What the command line adds.
        needs_credential: Scenarios that leave out the arms which authenticate nobody.
        incidents: The kind of incident of each scenario that all arms live through at once.
        undecided: What a further batch is to measure, by what was found so far.
        checks: What was found out before, and belongs in the result.
        workers: Those who make the load, where others than processes of this run's own do.
    """

    def __init__(
        self,
        suite: Suite,
        options: Options,
        needs_credential: Collection[str] = (),
        undecided: Callable[[Findings], Open] = Findings.undecided,
        *,
        incidents: Mapping[str, str] | None = None,
        checks: Sequence[Check] = (),
        workers: Workers | None = None,
    ) -> None:
        self._suite = suite
        self._options = options
        self._needs_credential = needs_credential
        self._incidents = {
            index: kinds.find(incidents[scenario.name])
            for index, scenario in enumerate(suite.scenarios)
            if incidents and scenario.name in incidents
        }
        self._undecided = undecided
        self._environment: Environment | None = None
        self._doctor: list[Finding] = []
        self._seed = secrets.randbelow(2**31) if options.seed is None else options.seed
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC)
        self._workers = workers
        self._is_broken = False
        self._broken_off: load.BrokenOffError | None = None
        self._looks = 1 if options.until_decided_s is None else LOOKS
        self._batch = 0
        self._findings = Findings(suite, self._seed, self._looks)
        self._findings.checks += checks
        self._pressure = Pressure.now()
        self._turns_ns: list[float] = []

    def run(self, arms: Mapping[str, Arm], reporter: Reporter) -> Result:
        """Measure every scenario in turn; each is on disk before the next starts.

        Args:
            arms: What each arm of the suite runs, by its name.
            reporter: Told how it goes.

        Raises:
            BenchError: What was measured until then is on disk.
        """
        self._doctor = examine(self._suite, self._options.out, QUICK_S)
        todo = Open(frozenset(range(len(self._suite.scenarios))), frozenset(self._suite.arms))
        while todo:
            begun = time.monotonic()
            self._batch += 1
            self._measure_batch(
                todo, [arms[name] for name in self._suite.arms if name in todo.arms], reporter
            )
            todo = self._next_batch(todo, time.monotonic() - begun, reporter)
        pressure = Pressure.now()
        stolen, swapped = pressure.since(self._pressure)
        self._findings.checks += [
            validity.check_steal(stolen),
            validity.check_swap(swapped),
            validity.check_memory(pressure.memory_stalled_since(self._pressure)),
        ]
        return self._result()

    def _next_batch(self, last: Open, last_s: float, reporter: Reporter) -> Open:
        """What a further batch is to measure, nothing where there is to be none.

        Args:
            last: What the batch before measured.
            last_s: Seconds that it took.
            reporter: Told why.
        """
        if self._options.until_decided_s is None or not self._findings.valid:
            return _NOTHING
        todo = self._undecided(self._findings)
        if not todo:
            return _NOTHING
        if todo.planned:
            reporter.say(f"batch {self._batch + 1} of {self._looks} follows, with fresh instances")
            return todo
        scenarios = ", ".join(self._suite.scenarios[index].label for index in sorted(todo.scenarios))
        some = "" if todo.arms == set(self._suite.arms) else f", {', '.join(sorted(todo.arms))}"
        left = f"not decided yet: {scenarios}{some}"
        if self._batch == self._looks:
            reporter.say(f"{left}; that was the last of {self._looks} looks")
            return _NOTHING
        done = sum(self._suite.scenarios[index].seconds for index in last.scenarios - todo.scenarios)
        next_s = (last_s - done) * len(todo.arms) / len(last.arms)
        if time.monotonic() - self._started + next_s > self._options.until_decided_s:
            reporter.say(f"{left}; another {next_s:.0f} s would not end within the limit")
            return _NOTHING
        reporter.say(f"{left}; look {self._batch + 1} of {self._looks} follows, with fresh instances")
        return todo

    def _measure_batch(self, todo: Open, arms: Sequence[Arm], reporter: Reporter) -> None:
        """Measure what is open, on instances started for it."""
        placement = place(processes.usable_cpus(), self._options.processes, self._suite.processes_each)
        generator = load.Generator(self._options.processes, placement.load, self._workers)
        if self._workers is not None:
            processes.pin(self._workers.pid, placement.load)
        for conditions, every in by_conditions(self._suite).items():
            scenarios = {index: scenario for index, scenario in every.items() if index in todo.scenarios}
            wanted = self._suite.arms_of(scenarios.values())
            some = [arm for arm in arms if arm.name in wanted]
            if not some or self._is_broken:
                continue
            with (
                self._rig(conditions, some, placement, reporter) as rig,
                self._options.beside(rig),
            ):
                if conditions.sessions:
                    reporter.say(f"logging {conditions.sessions:,} others in with each arm")
                    seeding.settle(rig, conditions.sessions)
                self._measure(rig, placement, scenarios, generator, reporter)

    def _rig(
        self,
        conditions: Conditions,
        arms: Sequence[Arm],
        placement: Placement,
        reporter: Reporter,
    ) -> Rig:
        """Servers and a store as scenarios want them."""
        told = [f"password cost {conditions.password_cost}"]
        if conditions.profile_bytes:
            told.append(f"profiles of {conditions.profile_bytes:,} bytes")
        if conditions.lifetime_s:
            told.append(f"credentials that live {conditions.lifetime_s} s")
        if conditions.relayed:
            told.append("the store at a distance")
        if conditions.processes > 1:
            told.append(f"{conditions.processes} processes behind each port")
        count = self._suite.instances
        here = [arm for arm in arms if arm.own is None or arm.own.address is None]
        if here:
            store = "" if self._options.redis_url else "a store and "
            reporter.say(
                f"starting {store}{count * len(here)} servers ({count} of each arm, {', '.join(told)})"
            )
        for arm in arms:
            if arm.own is not None and arm.own.address is not None:
                reporter.say(f"{arm.name} runs already, at {', '.join(arm.own.address)}")
        return Rig(
            arms,
            Serving(
                users=self._users + sum(map(self._spare_accounts, range(len(self._suite.scenarios)))),
                password_cost=conditions.password_cost,
                loop=self._options.loop,
                profile_bytes=conditions.profile_bytes,
                lifetime_s=conditions.lifetime_s,
                processes_each=conditions.processes,
                host=LOOPBACK if self._workers is None else self._workers.host,
            ),
            instances=count,
            placement=placement,
            redis_url=self._options.redis_url,
            relayed=conditions.relayed,
        )

    def _measure(
        self,
        rig: Rig,
        placement: Placement,
        scenarios: dict[int, Scenario],
        generator: load.Generator,
        reporter: Reporter,
    ) -> None:
        """Put one scenario after the other on a rig, by their index in the suite."""
        self._environment = self._environment or describe(rig, placement, self._doctor)
        self._findings.checks.append(validity.check_code(_digests(rig), rig.elsewhere))
        self._findings.checks += [
            validity.check_elsewhere(arm.name, arm.own.agent, store=self._options.redis_url is not None)
            for arm in rig.arms
            if arm.own is not None and arm.own.address is not None
        ]
        meter = StoreMeter(*rig.store.nodes)
        meter.calibrate()
        warm = False
        for index, scenario in scenarios.items():
            if self._is_broken:
                return
            self._turns_ns.append(cpu_speed.look().median_ns)
            if scenario.store_delay_ms is not None:
                rig.store.delay(scenario.store_delay_ms)
            if index in self._incidents:
                lived = self._live_through(index, scenario, rig, meter, generator, reporter)
                archive.save_timeline(lived, self._options.out, index)
                self._findings.add_incident(index, lived)
            else:
                self._measure_one(index, scenario, rig, meter, generator, reporter, warm=warm)
                warm = True
            archive.save(self._result(unfinished=True), self._options.out)

    def _measure_one(
        self,
        index: int,
        scenario: Scenario,
        rig: Rig,
        meter: StoreMeter,
        generator: load.Generator,
        reporter: Reporter,
        *,
        warm: bool,
    ) -> None:
        """Put one scenario's load on the rig, and keep what was seen; a load that breaks off is the last.

        Raises:
            InvalidMeasurementError: It broke off, and neither of it nor of what was before is anything kept.
            BrokenOffError: It did since another machine answers no more; what was seen is kept.
        """
        wanted = self._suite.arms_of([scenario])
        everyone = rig.authenticating if scenario.name in self._needs_credential else rig.instances
        warm = warm and scenario.warmup_requests is None
        try:
            seen = observe(
                scenario,
                [one for one in everyone if one.target.arm in wanted],
                rig,
                meter,
                how=generator,
                reporter=reporter,
                seed=self._seed + index + (self._batch - 1) * len(self._suite.scenarios),
                slots=self._slots(scenario, rig),
                warmup_requests=_WARM_REQUESTS if warm else self._suite.warmup(scenario),
                batch=self._batch,
            )
        except InvalidMeasurementError as error:
            if not self._findings.measured_s:
                raise
            self._findings.checks.append(validity.check_unfinished(scenario.label, str(error)))
            self._is_broken = True
            return
        observed, self._broken_off = seen.observed, seen.broken_off
        self._findings.checks.append(validity.check_restarts(seen.restarted, observed.label))
        self._is_broken = not observed.recording.complete
        archive.save_recording(observed, self._options.out, index)
        self._findings.add(index, observed)
        if self._broken_off is not None:
            archive.save(self._result(), self._options.out)
            raise self._broken_off
        if self._workers is not None and not self._is_broken:
            self._findings.checks.append(
                validity.check_clocks(observed.label, self._workers.last, len(observed.plan.order))
            )

    def _live_through(
        self,
        index: int,
        scenario: Scenario,
        rig: Rig,
        meter: StoreMeter,
        generator: load.Generator,
        reporter: Reporter,
    ) -> Lived:
        """Have all arms of the rig live through one incident."""
        reporter.say(f"{scenario.label}: all arms at once for {scenario.seconds:g} s")

        def tell(event: Event) -> None:
            where = f" at {event.arm}" if event.arm else ""
            reporter.event(f"  after {event.at_ns / 1e9:.1f} s: {event.what}{where}")

        return live_through(
            self._incidents[index],
            scenario,
            rig,
            meter,
            spare_account=self._users + sum(map(self._spare_accounts, range(index))),
            warmup_requests=self._suite.warmup(scenario),
            seed=self._seed + index,
            how=generator,
            on_event=tell,
        )

    @property
    def _users(self) -> int:
        """Accounts that scenarios share."""
        return max(scenario.load.users for scenario in self._suite.scenarios)

    def _spare_accounts(self, index: int) -> int:
        """Accounts that the suite's scenario number `index` uses up."""
        kind = self._incidents.get(index)
        return 0 if kind is None else kind.spare_accounts * len(self._suite.arms)

    def _slots(self, scenario: Scenario, rig: Rig) -> int:
        """Fewer where a batch has fewer arms, so that each instance has as many as in the first."""
        wanted = self._suite.arms_of([scenario])
        here = [arm for arm in rig.arms if arm.name in wanted]
        return max(1, round(scenario.slots * len(here) / len(wanted)))

    def _result(self, *, unfinished: bool = False) -> Result:
        findings = self._findings
        if self._environment is None:
            raise AssertionError("nothing has been measured yet")
        exit_code = 0 if findings.valid else InvalidMeasurementError.exit_code
        if findings.valid and self._options.until_decided_s is not None and self._undecided(findings):
            exit_code = InconclusiveError.exit_code
        if self._broken_off is not None:
            exit_code = self._broken_off.exit_code
        if unfinished:  # a run that is killed cannot say so any more
            exit_code = BenchError.exit_code
        return Result(
            run=Run(
                id=self._options.out.name,
                suite=self._suite.name,
                seed=self._seed,
                started_at=self._started_at.isoformat(timespec="seconds"),
                wall_s=time.monotonic() - self._started,
                measured_s=findings.measured_s,
                confidence=self._suite.confidence,
                command=without_passwords(self._options.command),
                margin=self._suite.margin,
                looks=self._looks,
                batches=self._batch,
                exit_code=exit_code,
                answers_end=findings.answers_end,
                slots=[
                    Slots(
                        scenario=scenario.name,
                        load=scenario.load.label,
                        params=scenario.params,
                        lead_ms=scenario.lead_ns / 1e6,
                        slot_ms=scenario.slot_ns / 1e6,
                        warmup_requests=self._suite.warmup(scenario),
                    )
                    for index, scenario in enumerate(self._suite.scenarios)
                    if index not in self._incidents
                ],
            ),
            environment=self._environment.model_copy(
                update={
                    "turn_ns": median(self._turns_ns),
                    "workers": [] if self._workers is None else self._workers.found,
                }
            ),
            validity=findings.checks,
            measurements=findings.measurements,
            comparisons=findings.comparisons,
            distributions=findings.distributions,
            vitals=findings.vitals,
            incidents=findings.incidents,
        )


def _digests(rig: Rig) -> dict[str, set[str]]:
    """What each tree's instances say of the code that they loaded, by its place."""
    digests: dict[str, set[str]] = {}
    for instance in rig.instances:
        if instance.process is not None:
            digests.setdefault(instance.ready["package"], set()).add(instance.ready["digest"])
    return digests
