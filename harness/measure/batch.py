"""Runs scenarios, one after the other, on the same rig: a store and fresh server instances of every arm."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from harness.analysis.observation import Observation
from harness.load import generator as load
from harness.load.usage import UsageRecorder
from harness.measure.incidents.driver import run_incident
from harness.measure.incidents.record import IncidentRecord
from harness.measure.progress import Reporter
from harness.measure.setup import Setup
from harness.protocol.incidents import Event
from harness.protocol.plan import Plan, by_arm, deal
from harness.suites.arms import Arm
from harness.suites.model import Conditions, Scenario
from harness.system.ports import LOOPBACK
from harness.testbed import header_limit, seeding
from harness.testbed.launcher import Instance, ServerOptions
from harness.testbed.meters import StoreMeter
from harness.testbed.rig import Rig
from harness.testbed.sampler import ProcessSampler
from harness.testbed.store.server import StoreOptions

#: Discarded requests to each server process that an earlier scenario has already warmed up.
_WARM_REQUESTS: Final = 100
#: A request without an answer after this long is an error.
_REQUEST_TIMEOUT_S: Final = 10


#: Observation of one load; names of servers and stores that were restarted during it; error if the load ended
#: early because another machine stopped answering, otherwise None.
ObservedLoad = tuple[Observation, list[str], load.BrokenOffError | None]


@dataclass
class Batch:
    """Batch of fresh instances under the same conditions.

    Attributes:
        setup: Settings of the run.
        rig: Store and servers, running.
        number: Number of the batch within the run, from 1.
        reporter: Receives progress messages.
    """

    setup: Setup
    rig: Rig
    number: int
    reporter: Reporter

    def __post_init__(self) -> None:
        self._is_warm = False
        self._meter = StoreMeter(*self.rig.store.nodes)
        self._meter.calibrate()

    @classmethod
    @contextmanager
    def started(
        cls, setup: Setup, conditions: Conditions, arms: Sequence[Arm], number: int, reporter: Reporter
    ) -> Iterator[Batch]:
        """Start a store and the servers of these arms, and add the sessions that the scenarios require.

        Args:
            setup: Settings of the run.
            conditions: Requirements of the scenarios on servers and store.
            arms: Arms to start servers for.
            number: Number of the batch within the run, from 1.
            reporter: Receives progress messages.

        Raises:
            EnvironmentFailedError: The store or a server cannot be started.
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
            placement=setup.placement,
            store=StoreOptions(
                setup.options.redis_url,
                link=conditions.store_link,
                with_tls=setup.suite.uses_tls,
                relayed=conditions.relayed,
            ),
        )
        with rig, setup.options.beside(rig):
            if conditions.sessions:
                reporter.log(f"logging in {conditions.sessions:,} more users with each scheme")
                seeding.seed_sessions(rig, conditions.sessions)
            yield cls(setup, rig, number, reporter)

    def observe(self, index: int) -> ObservedLoad:
        """Run the slots of the suite's scenario number `index` on the instances.

        Raises:
            EnvironmentFailedError: A process could not be started or died, or the disk is full.
            InvalidMeasurementError: The load ended early, and nothing was recorded.
        """
        scenario = self.setup.suite.scenarios[index]
        needs_credential = scenario.name in self.setup.needs_credential
        candidates = self.rig.authenticating if needs_credential else self.rig.instances
        wanted = self.setup.suite.arms_of([scenario])
        instances = [instance for instance in candidates if instance.target.arm in wanted]
        observed_load = self._observe(scenario, instances, self._plan(index, instances))
        self._is_warm = True
        return observed_load

    def run_incident(self, index: int) -> IncidentRecord:
        """Run the incident that is the suite's scenario number `index` on all arms at once.

        Raises:
            EnvironmentFailedError: A server died, or the store died outside the incident, or the load hangs.
            InvalidMeasurementError: The load ended without its final report.
        """
        scenario = self.setup.suite.scenarios[index]
        self.reporter.log(f"{scenario.label}: all schemes at once for {scenario.seconds:g} s")

        def log(event: Event) -> None:
            where = f" at {event.arm}" if event.arm else ""
            self.reporter.event(f"  after {event.at_ns / 1e9:.1f} s: {event.what}{where}")

        return run_incident(self.setup, index, self.rig, self._meter, log)

    def _plan(self, index: int, instances: Sequence[Instance]) -> Plan:
        """Return the plan of one scenario's load."""
        suite, scenario = self.setup.suite, self.setup.suite.scenarios[index]
        wanted = suite.arms_of([scenario])
        arms = [arm for arm in self.rig.arms if arm.name in wanted]
        # The scenario's slots are for all of its arms. With fewer arms each instance gets as many as before.
        slots = max(1, round(scenario.slots * len(arms) / len(wanted)))
        is_warm = self._is_warm and scenario.warmup_requests is None
        warmup_requests = _WARM_REQUESTS if is_warm else suite.warmup(scenario)
        seed = self.setup.slot_seed(index, self.number)
        targets = tuple(
            replace(instance.target, instance=number) for number, instance in enumerate(instances)
        )
        return Plan(
            scenario=scenario.name,
            model=scenario.load.model,
            users=scenario.load.users,
            rate=scenario.load.rate,
            arrivals=scenario.load.arrivals,
            seed=seed,
            lead_ns=scenario.lead_ns,
            lead_requests=scenario.least_lead,
            slot_ns=scenario.slot_ns,
            warmup_requests=warmup_requests * (scenario.processes or 1),
            timeout_s=_REQUEST_TIMEOUT_S,
            targets=targets,
            order=deal(len(instances), slots, seed),
            edges=str(self.rig.folder / "edges.sock"),
            limit_ns=round((scenario.load.p99_ms or 0) * 1e6),
        )

    def _observe(self, scenario: Scenario, instances: Sequence[Instance], plan: Plan) -> ObservedLoad:
        """Run a plan; measure the usage of each slot, and the memory of servers and store at the end."""
        rig = self.rig
        meters = [instance.meter for instance in instances]
        # This run reads one store, its own or that of --redis-url. Servers that it did not start use the
        # latter if there is one, otherwise a store that it cannot read.
        running = [number for number, instance in enumerate(instances) if instance.process is None]
        recorder = UsageRecorder(meters, self._meter, () if rig.store.given else running)
        rtt_us = [rig.store.rtt_us()]
        self.reporter.begin(scenario.label, len(plan.order), [target.arm for target in plan.targets])
        before = _identities(rig, instances)
        sampler = _sampler(rig, instances, scenario.seconds)
        rss: dict[int, int] = {}
        memory: dict[str, int] = {}
        longest: dict[str, int] = {}
        broken_off = None
        try:
            recording = load.run(
                plan, rig, recorder, sampler, how=self.setup.generator, on_slot=self.reporter.slot
            )
        except load.BrokenOffError as error:
            broken_off, recording, after = error, error.recording, before
        else:
            after = _identities(rig, instances)
            rtt_us.append(rig.store.rtt_us())
            rss = {number: meter.resident_bytes() for number, meter in enumerate(meters) if meter is not None}
            started_arms = [arm for arm in by_arm(plan.targets) if arm not in rig.elsewhere]
            memory = {arm: self._meter.memory(rig.launcher.prefix_of(arm)) for arm in started_arms}
            if scenario.profile_bytes is not None:
                longest = header_limit.of_arms(rig, instances)
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
            number=self.number,
            server_cpus=min(scenario.processes or 1, len(rig.placement.servers) or os.cpu_count() or 1),
            store_shares_cpus=not rig.placement.servers
            or bool(set(rig.placement.servers) & set(rig.placement.store)),
        )
        restarted = [name for name, identity in before.items() if after[name] != identity]
        return observed, restarted, broken_off


def _identities(rig: Rig, instances: Sequence[Instance]) -> dict[str, object]:
    """Return the process ids of each instance with a meter, and of the store; another value is a restart."""
    trees = {
        f"{instance.target.arm} #{number}": instance.meter.meet()
        for number, instance in enumerate(instances)
        if instance.meter is not None
    }
    return {**trees, "the store": rig.store.run_ids()}


def _sampler(rig: Rig, instances: Sequence[Instance], seconds: float) -> ProcessSampler:
    """Return a sampler of servers, store and harness; load processes are added when they start."""
    sampler = ProcessSampler(seconds)
    for number, instance in enumerate(instances):
        for position, pid in enumerate(instance.pids):
            suffix = f", process {position}" if position else ""
            sampler.follow(f"{instance.target.arm} #{number}{suffix}", pid, instance.target.arm)
    if rig.store.pid is not None:
        sampler.follow("store", rig.store.pid)
    sampler.follow("harness", os.getpid())
    return sampler


def _announce(setup: Setup, conditions: Conditions, arms: Sequence[Arm], reporter: Reporter) -> None:
    """Print which servers are about to be started, and which already run."""
    details = (
        (True, f"password cost {conditions.password_cost}"),
        (conditions.profile_bytes, f"payloads of {conditions.profile_bytes or 0:,} bytes"),
        (conditions.lifetime_s, f"credential lifetime {conditions.lifetime_s} s"),
        (conditions.relayed, "store behind a delay"),
        (conditions.processes > 1, f"{conditions.processes} processes per port"),
    )
    settings = ", ".join(text for applies, text in details if applies)
    count = setup.suite.instances
    running = {
        arm.name: arm.own.address for arm in arms if arm.own is not None and arm.own.address is not None
    }
    if to_start := len(arms) - len(running):
        store = "" if setup.options.redis_url else "a store and "
        reporter.log(f"starting {store}{count * to_start} servers ({count} of each scheme, {settings})")
    for name, addresses in running.items():
        reporter.log(f"{name} already runs at {', '.join(addresses)}")
