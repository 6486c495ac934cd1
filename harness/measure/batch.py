"""Server instances of one rig, and the scenarios that run on them one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Final

from harness.analysis.observation import Observation
from harness.load import generator as load
from harness.load.usage import UsageRecorder
from harness.measure import slots
from harness.measure.incidents.driver import run_incident
from harness.measure.incidents.record import IncidentRecord
from harness.measure.progress import Reporter
from harness.measure.setup import Setup
from harness.measure.slots import ObservedLoad
from harness.protocol.incidents import Event
from harness.protocol.plan import Plan, by_arm
from harness.suites.arms import Arm
from harness.suites.model import Conditions, Scenario
from harness.system.cpus import Placement
from harness.testbed import header_limit, seeding
from harness.testbed.launcher import LOOPBACK, Instance, ServerOptions
from harness.testbed.meters import StoreMeter
from harness.testbed.rig import Rig

#: Discarded requests to each process of an instance that an earlier scenario has warmed up.
_WARM_REQUESTS: Final = 100


class Batch:
    """Batch of fresh instances under the same conditions.

    Args:
        setup: Settings of the run.
        rig: Store and servers, running.
        number: Number of the batch within the run, from 1.
        generator: Load generator.
        reporter: Receives progress messages.
    """

    def __init__(
        self, setup: Setup, rig: Rig, number: int, generator: load.Generator, reporter: Reporter
    ) -> None:
        self.rig = rig
        self._setup = setup
        self._number = number
        self._generator = generator
        self._reporter = reporter
        self._is_warm = False
        self._meter = StoreMeter(*rig.store.nodes)
        self._meter.calibrate()

    @classmethod
    @contextmanager
    def started(
        cls,
        setup: Setup,
        conditions: Conditions,
        arms: Sequence[Arm],
        number: int,
        *,
        placement: Placement,
        generator: load.Generator,
        reporter: Reporter,
    ) -> Iterator[Batch]:
        """Start a store and the servers of these arms, with the additional sessions of the scenarios.

        Args:
            setup: Settings of the run.
            conditions: Required settings of servers and store.
            arms: Arms to start servers for.
            number: Number of the batch within the run, from 1.
            placement: CPUs of servers, store and load.
            generator: Load generator.
            reporter: Receives progress messages.

        Raises:
            EnvironmentFailedError: A part cannot be started.
        """
        _announce(setup, conditions, arms, reporter)
        rig = Rig(
            arms,
            ServerOptions(
                users=setup.accounts,
                password_cost=conditions.password_cost,
                loop=setup.options.loop,
                profile_bytes=conditions.profile_bytes,
                lifetime_s=conditions.lifetime_s,
                processes_each=conditions.processes,
                host=LOOPBACK if setup.workers is None else setup.workers.host,
            ),
            instances=setup.suite.instances,
            placement=placement,
            redis_url=setup.options.redis_url,
            relayed=conditions.relayed,
        )
        with rig, setup.options.beside(rig):
            if conditions.sessions:
                reporter.log(f"logging in {conditions.sessions:,} more users with each scheme")
                seeding.seed_sessions(rig, conditions.sessions)
            yield cls(setup, rig, number, generator, reporter)

    def observe(self, index: int) -> ObservedLoad:
        """Run the slots of the suite's scenario number `index` on the instances.

        Raises:
            EnvironmentFailedError: A part could not be started or died, or the disk is full.
            InvalidMeasurementError: The load ended early, and nothing was recorded.
        """
        scenario = self._setup.suite.scenarios[index]
        instances = self._instances(scenario)
        plan = slots.plan_of(
            scenario,
            instances,
            self.rig.folder,
            seed=self._setup.slot_seed(index, self._number),
            slots=self._slots(scenario),
            warmup_requests=self._warmup(scenario) * (scenario.processes or 1),
        )
        observed_load = self._observe(scenario, instances, plan)
        self._is_warm = True
        return observed_load

    def run_incident(self, index: int) -> IncidentRecord:
        """Run the incident that is the suite's scenario number `index` on all arms at once.

        Raises:
            EnvironmentFailedError: A server died, or the store died outside the incident, or the load hangs.
            InvalidMeasurementError: The load ended without its report.
        """
        setup, scenario = self._setup, self._setup.suite.scenarios[index]
        self._reporter.log(f"{scenario.label}: all schemes at once for {scenario.seconds:g} s")

        def log(event: Event) -> None:
            where = f" at {event.arm}" if event.arm else ""
            self._reporter.event(f"  after {event.at_ns / 1e9:.1f} s: {event.what}{where}")

        return run_incident(
            setup.incidents[index],
            scenario,
            self.rig,
            self._meter,
            spare_account=setup.spare_account(index),
            warmup_requests=setup.suite.warmup(scenario),
            seed=setup.seed + index,
            how=self._generator,
            on_event=log,
        )

    def _observe(self, scenario: Scenario, instances: Sequence[Instance], plan: Plan) -> ObservedLoad:
        """Run a plan, and read meters and processes before and after it."""
        rig = self.rig
        meters = [instance.meter for instance in instances]
        # Servers that already run use the store of --redis-url, or a store that this run cannot read.
        other_store = () if rig.store.given else slots.started_elsewhere(instances)
        recorder = UsageRecorder(meters, self._meter, other_store)
        rtt_us = [rig.store.rtt_us()]
        self._reporter.begin(scenario.label, len(plan.order), [target.arm for target in plan.targets])
        before, stores = slots.process_trees(instances), rig.store.run_ids()
        sampler = slots.sampler(rig, instances, scenario.seconds)
        rss: dict[int, int] = {}
        memory: dict[str, int] = {}
        longest: dict[str, int] = {}
        broken_off = None
        try:
            recording = load.run(
                plan, rig, recorder, sampler, how=self._generator, on_slot=self._reporter.slot
            )
        except load.BrokenOffError as error:
            broken_off, recording, after, stores_now = error, error.recording, before, stores
        else:
            after, stores_now = slots.process_trees(instances), rig.store.run_ids()
            rtt_us.append(rig.store.rtt_us())
            rss = {number: meter.resident_bytes() for number, meter in enumerate(meters) if meter is not None}
            started_arms = [arm for arm in by_arm(plan.targets) if arm not in rig.elsewhere]
            memory = {arm: self._meter.memory(rig.arm_prefix(arm)) for arm in started_arms}
            if scenario.profile_bytes is not None:
                longest = header_limit.of_arms(rig, instances)
        restarted = [name for name, tree in before.items() if after[name] != tree]
        restarted += ["the store"] if stores_now != stores else []
        observed = Observation(
            scenario,
            plan,
            recording,
            recorder.accounts,
            server_rss=rss,
            store_memory=memory,
            longest_profile=longest,
            store_rtt_us=fmean(rtt_us),
            vitals=sampler.vitals(scenario),
            number=self._number,
            server_cpus=min(scenario.processes or 1, len(rig.placement.servers) or os.cpu_count() or 1),
        )
        return ObservedLoad(observed, restarted, broken_off)

    def _instances(self, scenario: Scenario) -> list[Instance]:
        """Return the instances that take part in a scenario."""
        wanted = self._setup.suite.arms_of([scenario])
        needs_credential = scenario.name in self._setup.needs_credential
        candidates = self.rig.authenticating if needs_credential else self.rig.instances
        return [instance for instance in candidates if instance.target.arm in wanted]

    def _slots(self, scenario: Scenario) -> int:
        """Return the number of slots: per instance as many as in the first batch, even with fewer arms."""
        wanted = self._setup.suite.arms_of([scenario])
        arms = [arm for arm in self.rig.arms if arm.name in wanted]
        return max(1, round(scenario.slots * len(arms) / len(wanted)))

    def _warmup(self, scenario: Scenario) -> int:
        """Return the number of discarded requests to each server process."""
        is_warm = self._is_warm and scenario.warmup_requests is None
        return _WARM_REQUESTS if is_warm else self._setup.suite.warmup(scenario)


def _announce(setup: Setup, conditions: Conditions, arms: Sequence[Arm], reporter: Reporter) -> None:
    """Print which servers are about to be started, and which already run."""
    details = [f"password cost {conditions.password_cost}"]
    if conditions.profile_bytes:
        details.append(f"payloads of {conditions.profile_bytes:,} bytes")
    if conditions.lifetime_s:
        details.append(f"credential lifetime {conditions.lifetime_s} s")
    if conditions.relayed:
        details.append("store behind a delay")
    if conditions.processes > 1:
        details.append(f"{conditions.processes} processes per port")
    count = setup.suite.instances
    to_start = [arm for arm in arms if arm.own is None or arm.own.address is None]
    if to_start:
        store = "" if setup.options.redis_url else "a store and "
        reporter.log(
            f"starting {store}{count * len(to_start)} servers ({count} of each scheme, {', '.join(details)})"
        )
    for arm in arms:
        if arm.own is not None and arm.own.address is not None:
            reporter.log(f"{arm.name} already runs at {', '.join(arm.own.address)}")
