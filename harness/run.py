"""One run, from suite to result file: the whole story of the instrument on one page."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from harness import analysis, archive, load, validity
from harness.accounting import Accountant, StoreMeter, resident_bytes
from harness.doctor.examination import QUICK_S, examine
from harness.errors import InvalidMeasurementError
from harness.machine import Pressure, describe
from harness.placement import place
from harness.progress import Reporter
from harness.result import Check, Comparison, Distribution, Environment, Measurement, Result, Run, Slots
from harness.rig import Rig, Scheme, usable_cpus
from harness.schedule import Plan, deal
from harness.suite import Scenario, Suite

#: A request without an answer after this long is an error.
_REQUEST_TIMEOUT_S = 10
#: Discarded requests to each instance that another scenario has warmed up already.
_WARM_REQUESTS = 100


@dataclass(frozen=True)
class Options:
    """What the command line adds to a suite.

    Attributes:
        out: Folder of this run.
        seed: Seeds the plan; None draws one, which the result names.
        loop: Event loop of the servers.
        redis_url: A store of the user's own.
        command: The command line, as the result records it.
    """

    out: Path
    seed: int | None = None
    loop: str = "uvloop"
    redis_url: str | None = None
    command: list[str] = field(default_factory=list)


@dataclass
class _Findings:
    """What has been found so far; grows by one scenario at a time."""

    measured_s: float = 0
    validity: list[Check] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    distributions: list[Distribution] = field(default_factory=list)


class Measuring:
    """One run under way: what is fixed for all its scenarios, and what has been found so far."""

    def __init__(self, suite: Suite, options: Options) -> None:
        self._suite = suite
        self._options = options
        self._seed = secrets.randbelow(2**31) if options.seed is None else options.seed
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC)
        self._findings = _Findings()
        self._pressure = Pressure.now()

    def run(self, schemes: dict[str, Scheme], reporter: Reporter) -> Result:
        """Measure every scenario in turn; each is on disk before the next starts.

        Raises:
            BenchError: What was measured until then is on disk.
        """
        suite, options = self._suite, self._options
        placement = place(usable_cpus())
        count = suite.instances * len(suite.arms)
        findings = examine(suite, options.out, QUICK_S)
        reporter.say(f"starting a store and {count} servers ({suite.instances} of each arm)")
        with Rig(
            [schemes[arm] for arm in suite.arms],
            instances=suite.instances,
            users=max(scenario.load.users for scenario in suite.scenarios),
            password_cost=suite.password_cost,
            loop=options.loop,
            placement=placement,
            redis_url=options.redis_url,
        ) as rig:
            environment = describe(rig, placement, findings)
            digests: dict[str, set[str]] = {}
            for instance in rig.instances:
                digests.setdefault(instance.target.arm, set()).add(instance.ready["digest"])
            self._findings.validity.append(validity.check_code(digests))
            meter = StoreMeter(rig.store)
            meter.calibrate()
            for index, scenario in enumerate(suite.scenarios):
                observed = self._observe(index, scenario, rig, meter, placement.load, reporter)
                archive.save_recording(observed, options.out, index)
                self._conclude(scenario, observed)
                archive.save(self._result(environment), options.out)
        stolen, swapped = Pressure.now().since(self._pressure)
        self._findings.validity += [validity.check_steal(stolen), validity.check_swap(swapped)]
        return self._result(environment)

    def _observe(
        self,
        index: int,
        scenario: Scenario,
        rig: Rig,
        meter: StoreMeter,
        cpus: tuple[int, ...],
        reporter: Reporter,
    ) -> analysis.Observed:
        """Put one scenario's load on the rig."""
        seed = self._seed + index
        plan = Plan(
            scenario=scenario.name,
            model=scenario.load.model,
            users=scenario.load.users,
            rate=scenario.load.rate,
            arrivals=scenario.load.arrivals,
            seed=seed,
            lead_ns=scenario.lead_ns,
            slot_ns=scenario.slot_ns,
            warmup_requests=self._suite.warmup_requests if index == 0 else _WARM_REQUESTS,
            timeout_s=_REQUEST_TIMEOUT_S,
            targets=rig.targets,
            order=deal(len(rig.targets), scenario.slots, seed),
            edges=str(rig.folder / "edges.sock"),
        )
        accountant = Accountant(rig.pids, meter)
        reporter.begin(
            f"{scenario.name} ({scenario.load.label})", len(plan.order), [t.arm for t in plan.targets]
        )
        recording = load.run(plan, rig, accountant, cpus=cpus, on_slot=reporter.slot)
        return analysis.Observed(
            scenario,
            plan,
            recording,
            accountant.accounts,
            server_rss={t.instance: resident_bytes(rig.pids[t.instance]) for t in plan.targets},
            store_memory={arm: meter.memory(rig.arm_prefix(arm)) for arm in self._suite.arms},
        )

    def _conclude(self, scenario: Scenario, observed: analysis.Observed) -> None:
        """Add one scenario's estimates, checks and verdicts to the findings."""
        suite, findings = self._suite, self._findings
        rows = analysis.measurements(observed, suite.confidence)
        checks = validity.check_scenario(observed, rows, seed=self._seed, confidence=suite.confidence)
        findings.validity += checks
        findings.measured_s += observed.measured_s
        findings.measurements += rows
        findings.comparisons += analysis.comparisons(
            rows,
            scenario,
            confidence=suite.confidence,
            margin=suite.margin,
        )
        findings.distributions += analysis.distributions(observed)

    def _result(self, environment: Environment) -> Result:
        findings = self._findings
        invalid = any(check.status == "invalid" for check in findings.validity)
        return Result(
            run=Run(
                id=self._options.out.name,
                suite=self._suite.name,
                seed=self._seed,
                started_at=self._started_at.isoformat(timespec="seconds"),
                wall_s=time.monotonic() - self._started,
                measured_s=findings.measured_s,
                confidence=self._suite.confidence,
                command=self._options.command or sys.argv[:1],
                margin=self._suite.margin,
                exit_code=InvalidMeasurementError.exit_code if invalid else 0,
                slots=[
                    Slots(
                        scenario=scenario.name,
                        load=scenario.load.label,
                        lead_ms=scenario.lead_ns / 1e6,
                        slot_ms=scenario.slot_ns / 1e6,
                        warmup_requests=self._suite.warmup_requests,
                    )
                    for scenario in self._suite.scenarios
                ],
            ),
            environment=environment,
            validity=findings.validity,
            measurements=findings.measurements,
            comparisons=validity.withheld(findings.comparisons, findings.validity),
            distributions=findings.distributions,
        )
