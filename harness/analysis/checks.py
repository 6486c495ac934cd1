"""Validity checks of a measurement; each reports its figure and a remedy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

from harness.analysis.measurements import aa_test
from harness.analysis.observation import Observation, busy, cpu_share, cpu_waits
from harness.protocol.plan import by_arm
from harness.results.environment import LoadWorker
from harness.results.model import Check, Comparison, Measurement

#: Share of its CPU above which the load generator may be the bottleneck.
LOAD_CPU_LIMIT: Final = 0.90
#: Under saturation a server that is busy for less than this waited for something else.
BUSY_WARNING: Final = 0.60
BUSY_LIMIT: Final = 0.40
#: 99th percentile of the lag behind schedule, microseconds.
LAG_WARNING_US: Final = 2_000
DROPPED_LIMIT: Final = 0.01
#: Share of the run's CPU time that the hypervisor gave to others.
STEAL_WARNING: Final = 0.10
STEAL_LIMIT: Final = 0.60
#: Share of the time in which a process of the run was runnable but waited for a CPU.
WAIT_WARNING: Final = 0.05
WAIT_LIMIT: Final = 0.20
#: Share of its CPUs' time that a server cannot have used, with room for the readings' own duration.
CPU_TIME_LIMIT: Final = 1.02
#: Share of the run in which any task of the machine waited for memory.
MEMORY_WARNING: Final = 0.01
MEMORY_LIMIT: Final = 0.10
#: With fewer instances than the first there is no interval; with fewer than the second it is very wide.
INSTANCES_LIMIT: Final = 2
INSTANCES_WARNING: Final = 4
#: Deviation of a worker's slot start from the run's clock that is allowed, microseconds.
CLOCK_LIMIT_US: Final = 1_000
#: Share of the slots that a worker may start late because the message about them came late.
LATE_SLOTS_LIMIT: Final = 0.05
#: p-value below which the two halves of one arm differ by more than chance.
A_A_LEVEL: Final = 0.001


def check_scenario(
    observed: Observation, rows: Sequence[Measurement], *, seed: int, confidence: float
) -> list[Check]:
    """Return all checks of one scenario."""
    name = observed.label
    checks = [_report(observed, name)]
    if observed.recording.complete:  # only then all errors are known
        checks.append(_answers(observed, name))
    for arm in by_arm(observed.plan.targets):
        by_metric = {r.metric: r for r in rows if r.arm == arm and r.params == observed.scenario.params}
        if not by_metric or "throughput" not in by_metric:
            checks.append(_samples(observed, f"{name}, {arm}"))
            continue
        where = f"{name}, {arm}"
        if observed.plan.model == "closed":
            checks += [_load_cpu(by_metric["load_cpu"], where), _busy(observed, arm, where)]
        elif observed.plan.limit_ns:  # a search for the capacity exceeds the schedule on purpose
            checks.append(_busy(observed, arm, where))
        else:
            checks += [_lag(by_metric["lag_p99"], where), _dropped(by_metric["dropped_arrivals"], where)]
        checks.append(_instances(by_metric["throughput"].instances, where))
        checks += [_wait(part, share, where) for part, share in cpu_waits(observed, arm).items()]
        checks += _cpu_time(observed, arm, where)
        if primary := by_metric.get(observed.scenario.primary_metric):
            checks += _same_arm(primary, where, seed, confidence)
    return checks


def without_verdicts(comparisons: Sequence[Comparison], checks: Sequence[Check]) -> list[Comparison]:
    """Return the comparisons, without their verdicts if any check is invalid."""
    if all(check.status != "invalid" for check in checks):
        return list(comparisons)
    return [row.model_copy(update={"verdict": "not judged"}) for row in comparisons]


def check_steal(share: float) -> Check:
    """Return the check of the CPU time that the host gave to other machines during the run."""
    return Check.graded(
        "stolen cpu",
        f"the host gave {share:.1%} of the requested CPU time to other machines",
        "intervals are wide; repeat while the host is idle, or on a dedicated machine",
        warning=share > STEAL_WARNING,
        invalid=share > STEAL_LIMIT,
    )


def check_swap(pages: int) -> Check:
    """Return the check of swapping during the run."""
    return Check.graded(
        "swap", f"{pages} pages were swapped during the run", "free some memory", invalid=pages != 0
    )


def check_memory(stalled: float) -> Check:
    """Return the check of memory pressure: the share of the run in which any task waited for memory."""
    return Check.graded(
        "memory pressure",
        f"tasks waited for memory in {stalled:.1%} of the run",
        "free some memory, or use fewer instances",
        warning=stalled > MEMORY_WARNING,
        invalid=stalled > MEMORY_LIMIT,
    )


def check_unfinished(where: str, why: str) -> Check:
    """Return the check of a load that ended early."""
    return Check(check="final report", status="invalid", detail=f"{where}: {why}. Run again.")


def check_clocks(where: str, workers: Sequence[LoadWorker], slots: int) -> Check:
    """Return the check of the workers' clocks and of how punctually they started their slots.

    An error shifts the arrivals of one worker against those of another, and one end of a slot. Latencies are
    measured with a single clock and are not affected.

    Args:
        where: Scenario, for people.
        workers: Workers, with their clock errors and late slots during this load.
        slots: Number of slots that each had to start.
    """
    described = ", ".join(
        f"{worker.host} within {worker.clock_error_us:.0f} µs (drift {worker.clock_drift_us:+.0f} µs, started"
        f" {worker.late_slots} slots more than 1 ms late)"
        for worker in workers
    )
    return Check.graded(
        "clocks",
        f"{where}: {described}",
        f"over the limit of {CLOCK_LIMIT_US / 1e3:g} ms or {LATE_SLOTS_LIMIT:.0%} of slots; use a"
        " faster connection to the workers, or machines with less other load",
        warning=any(
            worker.clock_error_us > CLOCK_LIMIT_US or worker.late_slots > LATE_SLOTS_LIMIT * slots
            for worker in workers
        ),
    )


def check_restarts(restarted: Sequence[str], where: str) -> Check:
    """Return the check that the same processes served each instance from the first slot to the last."""
    return Check.graded(
        "restarts",
        f"{where}: processes of {', '.join(restarted)} were replaced during the measurement"
        if restarted
        else f"{where}: each instance ran the same processes throughout",
        "find out why they restart",
        invalid=bool(restarted),
    )


def check_code(digests: Mapping[str, set[str]], unseen: Sequence[str] = ()) -> Check:
    """Return the check that all instances started from one source tree run the same code.

    Args:
        digests: Digests of their code that the instances reported, by path of the tree.
        unseen: Arms that run on other machines, so that their code cannot be checked.
    """
    several = f" of {len(digests)} trees" if len(digests) > 1 else ""
    notes = [f"the code of {', '.join(unseen)} cannot be checked from this machine"] if unseen else []
    if digests:
        count = sum(map(len, digests.values()))
        notes.insert(0, f"{count} digest(s) of the servers' package over all instances{several}")
    return Check.graded(
        "code under test",
        "; ".join(notes),
        "files changed while the run started; run it again",
        invalid=any(len(digests_of_tree) != 1 for digests_of_tree in digests.values()),
    )


def check_elsewhere(arm: str, agent: str | None, *, store: bool) -> Check:
    """Return the check of servers that this run did not start: what could be measured of them.

    Args:
        arm: Arm of the servers.
        agent: Address of the agent that reads their CPU time and memory; None if there is none.
        store: Whether their store is read, too.
    """
    notes = [f"{arm} was not started by this run"]
    if agent is not None:
        notes.append(f"the agent at {agent} read its CPU and memory")
    lost = [] if agent is not None else ["server_cpu", "server_rss"]
    lost += [] if store else ["store_cpu", "store_ops"]
    lost += ["total_cpu"] if lost else []
    notes.append(f"not measured: {', '.join([*lost, 'store_memory', 'store_rtt'])}")
    remedies = [] if agent is not None else [f"start bench.py remote agent beside it and set own.{arm}.agent"]
    remedies += [] if store else ["name its store by --redis-url"]
    return Check(
        check="elsewhere",
        status="warning" if remedies else "ok",
        detail="; ".join(notes) + (f". To measure more, {', and '.join(remedies)}." if remedies else "."),
    )


def check_difference(base: Set[str], head: Set[str], revision: str, differing: Sequence[str]) -> Check:
    """Return the check that the code that ran in two trees differs exactly if git reports a difference.

    Args:
        base: Digests of the code that the revision's servers reported.
        head: Digests that the working tree's servers reported.
        revision: Name of the revision, for people.
        differing: Files that differ.
    """
    same = base == head
    if same == (not differing):
        difference = "the same code" if same else f"{len(differing)} file(s) of the servers differ"
        detail = f"{revision} and the working tree: {difference}; the servers' digests confirm it."
        return Check(check="revisions", status="ok", detail=detail)
    if same:
        contradiction = f"{', '.join(differing)} differ from {revision}, but the servers report one digest"
    else:
        contradiction = (
            f"the servers' digests differ from {revision}'s, but git reports no difference: ignored files?"
        )
    return Check(
        check="revisions",
        status="invalid",
        detail=f"{contradiction}. The code that ran does not match the requested revision.",
    )


def _report(observed: Observation, name: str) -> Check:
    recording = observed.recording
    if recording.complete:
        return Check(
            check="final report", status="ok", detail=f"{name}: complete, {len(recording.slots)} rows."
        )
    slots = len({row.slot for row in recording.slots})
    why = recording.lost or "the load generator ended without its final report"
    return check_unfinished(name, f"{why}; {slots} of {len(observed.plan.order)} slots are kept")


def _answers(observed: Observation, name: str) -> Check:
    errors = observed.recording.errors
    if not errors:
        detail = f"{name}: every answer had the right status and identity."
        return Check(check="answers", status="ok", detail=detail)
    most = max(errors, key=lambda text: errors[text])
    return Check(
        check="answers",
        status="invalid",
        detail=f"{name}: {sum(errors.values())} errors, most often: {most}. Try the server by hand: bench.py"
        " serve.",
    )


def _samples(observed: Observation, where: str) -> Check:
    """Return the check of an arm without measurements."""
    reason = "nothing was recorded"
    if observed.plan.limit_ns and observed.recording.slots:
        reason = "the search for its capacity had not settled at the end; give it more seconds"
    return Check(check="samples", status="invalid", detail=f"{where}: {reason}.")


def _load_cpu(row: Measurement, where: str) -> Check:
    return Check.graded(
        "load generator",
        f"{where}: the load generator used {row.value:.0%} of its CPU",
        "it may be the bottleneck; give it a core of its own",
        invalid=row.value >= LOAD_CPU_LIMIT,
    )


def _instances(count: int, where: str) -> Check:
    few = "too few for an interval" if count < INSTANCES_LIMIT else "its interval will be wide"
    return Check.graded(
        "instances",
        f"{where}: {count} instance(s)",
        f"{few}; set instances = 8 in the suite",
        warning=count < INSTANCES_WARNING,
        invalid=count < INSTANCES_LIMIT,
    )


def _wait(part: str, share: float, where: str) -> Check:
    return Check.graded(
        "busy cpu",
        f"{where}: the {part} was runnable but waited for a CPU for {share:.0%} of the time",
        "end other programs (bench.py doctor names the busiest)",
        warning=share > WAIT_WARNING,
        invalid=share > WAIT_LIMIT,
    )


def _cpu_time(observed: Observation, arm: str, where: str) -> list[Check]:
    """Return the check that an arm's servers used no more CPU time than their CPUs had, if it is known."""
    if (share := cpu_share(observed, arm)) is None:
        return []
    return [
        Check.graded(
            "cpu time",
            f"{where}: the server used {share:.0%} of the time of the CPUs that it may use",
            "more than there is: its CPU time is counted wrongly on this system; report this with the output"
            " of bench.py doctor",
            invalid=share > CPU_TIME_LIMIT,
        )
    ]


def _busy(observed: Observation, arm: str, where: str) -> Check:
    """Return the check that the server, or the store behind it, was the bottleneck."""
    server, store = busy(observed, arm)
    if server is None:
        return Check(
            check="server busy",
            status="warning",
            detail=f"{where}: the CPU of a server that is named by its address is not read, so whether it was"
            " the bottleneck is unknown; start bench.py remote agent beside it.",
        )
    cpus = "its CPU" if observed.server_cpus == 1 else f"its {observed.server_cpus} CPUs"
    of_store = f", the store on its own {store:.0%}" if store > server else ""
    return Check.graded(
        "server busy",
        f"{where}: the server was on {cpus} {server:.0%} of the time{of_store}",
        "it was not saturated; use more users, or a quieter machine",
        warning=max(server, store) < BUSY_WARNING,
        invalid=max(server, store) < BUSY_LIMIT,
    )


def _lag(row: Measurement, where: str) -> Check:
    return Check.graded(
        "arrivals on time",
        f"{where}: 99 % of arrivals were sent within {row.value:.0f} µs of their schedule",
        "response times include this lag; lower the rate or use a quieter machine",
        warning=row.value > LAG_WARNING_US,
    )


def _dropped(row: Measurement, where: str) -> Check:
    return Check.graded(
        "arrivals sent",
        f"{where}: {row.value:.2%} of arrivals could not be sent",
        "the rate is more than server and machine can handle; lower it, or repeat on an idle host",
        invalid=row.value > DROPPED_LIMIT,
    )


def _same_arm(row: Measurement, where: str, seed: int, confidence: float) -> list[Check]:
    halves = aa_test(row, seed, confidence)
    if halves is None:
        return []
    return [
        Check.graded(
            "a/a",
            f"{where}: two halves of the same instances differ by a ratio of {halves.value:.3f} in"
            f" {row.metric} (p = {halves.p_equal:.2g})",
            "something other than the code differed; repeat the run",
            warning=halves.p_equal < A_A_LEVEL,
        )
    ]
