"""Driver of an incident, from its plan to its record: steps are taken while the load runs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError
from harness.load.barrier import SlotBarrier, listen
from harness.load.local import LoadProcess, load_processes
from harness.measure.incidents.kind import IncidentSetting, IncidentStep, Staged
from harness.measure.incidents.record import IncidentRecord
from harness.measure.setup import Setup
from harness.protocol.incidents import ArmUsers, Event, IncidentPlan, Timeline, VirtualUser
from harness.suites.model import Scenario
from harness.testbed.launcher import Instance
from harness.testbed.meters import StoreMeter
from harness.testbed.rig import Rig

#: Seconds after which a request without a response has failed. Twice the servers' timeout for the store, and
#: less than in other scenarios, so that stuck users recover within the incident.
_TIMEOUT_S: Final = 4
#: Time before the start of the load, in which both sides get ready.
_LEAD_NS: Final = 50_000_000
#: Seconds between two checks that all processes are alive.
_POLL_S: Final = 0.1
#: Seconds that the load may take to end after the incident and its last request.
_PATIENCE_S: Final = 30

#: Function that is called with every event.
OnEvent = Callable[[Event], None]


def run_incident(setup: Setup, index: int, rig: Rig, meter: StoreMeter, on_event: OnEvent) -> IncidentRecord:
    """Run the incident that is the suite's scenario number `index` on one instance of every arm.

    Args:
        setup: Settings of the run.
        index: Index of the scenario.
        rig: Store and servers.
        meter: Meter of the store.
        on_event: Called with every event.

    Raises:
        EnvironmentFailedError: A server died, or the store died outside the incident, or the load hangs.
        InvalidMeasurementError: The load ended without its report.
    """
    kind, scenario = setup.incidents[index], setup.suite.scenarios[index]
    first_by_arm = {instance.target.arm: instance for instance in reversed(rig.authenticating)}
    wanted = first_by_arm.keys() if scenario.arms is None else first_by_arm.keys() & set(scenario.arms)
    instances = [first_by_arm[arm.name] for arm in rig.arms if arm.name in wanted]
    plan = _plan(scenario, instances, rig.folder, setup.suite.warmup(scenario), setup.seed + index)
    setting = IncidentSetting(rig, instances, scenario, plan, meter, setup.spare_account(index))
    with kind.stage(setting) as staged:
        timeline, events = _drive(staged, rig, on_event)
    return IncidentRecord(
        scenario,
        kind.name,
        {arm.name: kind.explained_at(arm.scheme) for arm in rig.arms},
        staged.plan,
        timeline,
        events,
        staged.prices,
        {arm.name: scenario.lifetime_s or arm.scheme.lifetime_s for arm in rig.arms},
    )


def _plan(
    scenario: Scenario, instances: Sequence[Instance], folder: Path, warmup_requests: int, seed: int
) -> IncidentPlan:
    """Return the plan, with the same users (by account) at every arm."""
    users = scenario.load.users
    return IncidentPlan(
        scenario=scenario.name,
        rate=scenario.load.rate,
        arrivals=scenario.load.arrivals,
        seed=seed,
        duration_ns=round(scenario.seconds * 1e9),
        warmup_visits=-(-warmup_requests // users),
        timeout_s=_TIMEOUT_S,
        parties=tuple(
            ArmUsers(
                instance.target,
                tuple(VirtualUser(number, instance.target.read_path) for number in range(users)),
            )
            for instance in instances
        ),
        line=str(folder / "edges.sock"),
    )


def _drive(staged: Staged, rig: Rig, on_event: OnEvent) -> tuple[Timeline, list[Event]]:
    """Start the load, take every step at its moment, and wait for the load's report."""
    plan = staged.plan
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listen(listener, plan.line, 1)
        with (
            load_processes([plan], rig.folder, rig.placement.load[:1]) as started,
            SlotBarrier(listener, started, rig) as barrier,
        ):
            begin_ns = barrier.agree(_LEAD_NS)
            events = [_take(step, begin_ns, started[0], rig, on_event) for step in staged.steps]
            end_s = (plan.duration_ns / 1e9) + _TIMEOUT_S + _PATIENCE_S
            _wait(begin_ns + round(end_s * 1e9), started[0], rig, until_load_ends=True)
    rig.check_alive()
    return started[0].timeline(), events


def _take(step: IncidentStep, begin_ns: int, load_process: LoadProcess, rig: Rig, on_event: OnEvent) -> Event:
    """Take a step at its moment; the event has the time at which it was done."""
    _wait(begin_ns + step.at_ns, load_process, rig)
    at_ns = step.at_ns
    if step.do is not None:
        step.do()
        at_ns = time.perf_counter_ns() - begin_ns
    event = Event(at_ns, step.what, step.arm, step.watched, step.restores, begun_ns=step.at_ns)
    on_event(event)
    return event


def _wait(until_ns: int, load_process: LoadProcess, rig: Rig, *, until_load_ends: bool = False) -> None:
    """Wait for a moment, or for the end of the load, and check meanwhile that all processes are alive.

    Raises:
        EnvironmentFailedError: A process died, or the load did not end in time.
        InvalidMeasurementError: The load ended early.
    """
    while (left_s := (until_ns - time.perf_counter_ns()) / 1e9) > 0:
        rig.check_alive()
        if load_process.process.poll() is not None:
            if until_load_ends:
                return
            raise load_process.failure()
        time.sleep(min(left_s, _POLL_S))
    if until_load_ends:
        raise EnvironmentFailedError("Locust did not end after the last arrival of an incident.")
