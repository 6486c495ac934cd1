"""The instances of one rig, and the scenarios that are put on them one after the other."""

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

#: Discarded requests to each process of an instance that another scenario has warmed up already.
_WARM_REQUESTS: Final = 100


class Batch:
    """One batch of fresh instances under the same conditions.

    Args:
        setup: What is fixed for the run.
        rig: Store and servers, up.
        number: Which batch of the run this is, from 1.
        generator: Generates the load.
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
        """Start a store and the servers of these arms, with the sessions that scenarios want beside.

        Args:
            setup: What is fixed for the run.
            conditions: What servers and store must be like.
            arms: Arms to start servers for.
            number: Which batch of the run this is, from 1.
            placement: CPUs of servers, store and load.
            generator: Generates the load.
            reporter: Receives progress messages.

        Raises:
            EnvironmentFailedError: A part would not start.
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
                reporter.log(f"logging {conditions.sessions:,} others in with each arm")
                seeding.seed_sessions(rig, conditions.sessions)
            yield cls(setup, rig, number, generator, reporter)

    def observe(self, index: int) -> ObservedLoad:
        """Put the slots of the suite's scenario number `index` on the instances.

        Raises:
            EnvironmentFailedError: A part would not start or died, or the disk is full.
            InvalidMeasurementError: The load broke off, and nothing was recorded.
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
        seen = self._observe(scenario, instances, plan)
        self._is_warm = True
        return seen

    def run_incident(self, index: int) -> IncidentRecord:
        """Have all arms meet the incident that is the suite's scenario number `index`.

        Raises:
            EnvironmentFailedError: A server died, or the store when it was not meant to; or the load hangs.
            InvalidMeasurementError: The load ended without its report.
        """
        setup, scenario = self._setup, self._setup.suite.scenarios[index]
        self._reporter.log(f"{scenario.label}: all arms at once for {scenario.seconds:g} s")

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
        """Run a plan, and read what there is to read before and after it."""
        rig = self.rig
        meters = [one.meter for one in instances]
        # Servers that run already have the store that --redis-url names, or one that nothing here reads.
        own_store = () if rig.store.given else slots.started_elsewhere(instances)
        accountant = UsageRecorder(meters, self._meter, own_store)
        rtt_us = [rig.store.rtt_us()]
        self._reporter.begin(scenario.label, len(plan.order), [t.arm for t in plan.targets])
        before, stores = slots.families(instances), rig.store.run_ids()
        sampler = slots.sampler(rig, instances, scenario.seconds)
        rss: dict[int, int] = {}
        memory: dict[str, int] = {}
        longest: dict[str, int] = {}
        broken_off = None
        try:
            recording = load.run(
                plan, rig, accountant, sampler, how=self._generator, on_slot=self._reporter.slot
            )
        except load.BrokenOffError as error:
            broken_off, recording, after, stores_now = error, error.recording, before, stores
        else:
            after, stores_now = slots.families(instances), rig.store.run_ids()
            rtt_us.append(rig.store.rtt_us())
            rss = {n: one.resident_bytes() for n, one in enumerate(meters) if one is not None}
            known = [arm for arm in by_arm(plan.targets) if arm not in rig.elsewhere]
            memory = {arm: self._meter.memory(rig.arm_prefix(arm)) for arm in known}
            if scenario.profile_bytes is not None:
                longest = header_limit.of_arms(rig, instances)
        restarted = [name for name, family in before.items() if after[name] != family]
        restarted += ["the store"] if stores_now != stores else []
        observed = Observation(
            scenario,
            plan,
            recording,
            accountant.accounts,
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
        everyone = self.rig.authenticating if needs_credential else self.rig.instances
        return [one for one in everyone if one.target.arm in wanted]

    def _slots(self, scenario: Scenario) -> int:
        """Return fewer slots if a batch has fewer arms, so that each instance has as many as in the first."""
        wanted = self._setup.suite.arms_of([scenario])
        here = [arm for arm in self.rig.arms if arm.name in wanted]
        return max(1, round(scenario.slots * len(here) / len(wanted)))

    def _warmup(self, scenario: Scenario) -> int:
        """Return the discarded requests to each server process."""
        is_warm = self._is_warm and scenario.warmup_requests is None
        return _WARM_REQUESTS if is_warm else self._setup.suite.warmup(scenario)


def _announce(setup: Setup, conditions: Conditions, arms: Sequence[Arm], reporter: Reporter) -> None:
    """Print which servers are about to be started, and which run already."""
    details = [f"password cost {conditions.password_cost}"]
    if conditions.profile_bytes:
        details.append(f"profiles of {conditions.profile_bytes:,} bytes")
    if conditions.lifetime_s:
        details.append(f"credentials that live {conditions.lifetime_s} s")
    if conditions.relayed:
        details.append("the store at a distance")
    if conditions.processes > 1:
        details.append(f"{conditions.processes} processes behind each port")
    count = setup.suite.instances
    here = [arm for arm in arms if arm.own is None or arm.own.address is None]
    if here:
        store = "" if setup.options.redis_url else "a store and "
        reporter.log(
            f"starting {store}{count * len(here)} servers ({count} of each arm, {', '.join(details)})"
        )
    for arm in arms:
        if arm.own is not None and arm.own.address is not None:
            reporter.log(f"{arm.name} runs already, at {', '.join(arm.own.address)}")
