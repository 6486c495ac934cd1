"""Validity checks of a measurement; each reports its figure and a remedy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

from harness.analysis.measurements import aa_test
from harness.analysis.observation import Busy, Observation, busy, cpu_waits
from harness.protocol.plan import by_arm
from harness.results.base import Status
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
            checks.append(_check("samples", "invalid", f"{name}, {arm}: {_no_samples_reason(observed)}."))
            continue
        where = f"{name}, {arm}"
        if observed.plan.model == "closed":
            checks += [_load_cpu(by_metric["load_cpu"], where), _busy(busy(observed, arm), where)]
        elif observed.plan.limit_ns:  # a search for the capacity exceeds the schedule on purpose
            checks.append(_busy(busy(observed, arm), where))
        else:
            checks += [_lag(by_metric["lag_p99"], where), _dropped(by_metric["dropped_arrivals"], where)]
        checks.append(_instances(by_metric["throughput"].instances, where))
        checks += [_wait(part, share, where) for part, share in cpu_waits(observed, arm).items()]
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
    status: Status = "invalid" if share > STEAL_LIMIT else "warning" if share > STEAL_WARNING else "ok"
    return _check(
        "stolen cpu",
        status,
        f"the host gave {share:.1%} of the requested CPU time to other machines"
        + (
            ": intervals are wide; repeat while the host is idle, or on a dedicated machine."
            if share > STEAL_WARNING
            else "."
        ),
    )


def check_swap(pages: int) -> Check:
    """Return the check of swapping during the run."""
    return _check(
        "swap",
        "invalid" if pages else "ok",
        f"{pages} pages were swapped during the run" + (": free some memory." if pages else "."),
    )


def check_memory(stalled: float) -> Check:
    """Return the check of memory pressure: the share of the run in which any task waited for memory."""
    status: Status = "invalid" if stalled > MEMORY_LIMIT else "warning" if stalled > MEMORY_WARNING else "ok"
    return _check(
        "memory pressure",
        status,
        f"tasks waited for memory in {stalled:.1%} of the run"
        + (": free some memory, or use fewer instances." if status != "ok" else "."),
    )


def check_unfinished(where: str, why: str) -> Check:
    """Return the check of a load that ended early."""
    return _check("final report", "invalid", f"{where}: {why}. Run again.")


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
    bad = any(
        worker.clock_error_us > CLOCK_LIMIT_US or worker.late_slots > LATE_SLOTS_LIMIT * slots
        for worker in workers
    )
    return _check(
        "clocks",
        "warning" if bad else "ok",
        f"{where}: {described}"
        + (
            f": over the limit of {CLOCK_LIMIT_US / 1e3:g} ms or {LATE_SLOTS_LIMIT:.0%} of slots; use a"
            " faster connection to the workers, or machines with less other load."
            if bad
            else "."
        ),
    )


def check_restarts(restarted: Sequence[str], where: str) -> Check:
    """Return the check that the same processes served each instance from the first slot to the last."""
    return _check(
        "restarts",
        "invalid" if restarted else "ok",
        f"{where}: processes of {', '.join(restarted)} were replaced during the measurement: find out why"
        " they restart."
        if restarted
        else f"{where}: each instance ran the same processes throughout.",
    )


def check_code(digests: Mapping[str, set[str]], unseen: Sequence[str] = ()) -> Check:
    """Return the check that all instances started from one source tree run the same code.

    Args:
        digests: Digests of their code that the instances reported, by path of the tree.
        unseen: Arms that run on other machines, so that their code cannot be checked.
    """
    is_uniform = all(len(digests_of_tree) == 1 for digests_of_tree in digests.values())
    several = f" of {len(digests)} trees" if len(digests) > 1 else ""
    notes = [f"the code of {', '.join(unseen)} cannot be checked from this machine"] if unseen else []
    if digests:
        count = sum(map(len, digests.values()))
        notes.insert(0, f"{count} digest(s) of the servers' package over all instances{several}")
    return _check(
        "code under test",
        "ok" if is_uniform else "invalid",
        "; ".join(notes) + ("." if is_uniform else ": files changed while the run started; run it again."),
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
    return _check(
        "elsewhere",
        "warning" if remedies else "ok",
        "; ".join(notes) + (f". To measure more, {', and '.join(remedies)}." if remedies else "."),
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
        return _check(
            "revisions",
            "ok",
            f"{revision} and the working tree: {difference}; the servers' digests confirm it.",
        )
    if same:
        contradiction = f"{', '.join(differing)} differ from {revision}, but the servers report one digest"
    else:
        contradiction = (
            f"the servers' digests differ from {revision}'s, but git reports no difference: ignored files?"
        )
    return _check(
        "revisions", "invalid", f"{contradiction}. The code that ran does not match the requested revision."
    )


def _no_samples_reason(observed: Observation) -> str:
    if observed.plan.limit_ns and observed.recording.slots:
        return "the search for its capacity had not settled at the end; give it more seconds"
    return "nothing was recorded"


def _report(observed: Observation, name: str) -> Check:
    if observed.recording.complete:
        return _check("final report", "ok", f"{name}: complete, {len(observed.recording.slots)} rows.")
    slots = len({row.slot for row in observed.recording.slots})
    why = observed.recording.lost or "the load generator ended without its final report"
    return check_unfinished(name, f"{why}; {slots} of {len(observed.plan.order)} slots are kept")


def _answers(observed: Observation, name: str) -> Check:
    errors = observed.recording.errors
    if not errors:
        return _check("answers", "ok", f"{name}: every answer had the right status and identity.")
    most = max(errors, key=lambda text: errors[text])
    return _check(
        "answers",
        "invalid",
        f"{name}: {sum(errors.values())} errors, most often: {most}. Try the server by hand: bench.py serve.",
    )


def _load_cpu(row: Measurement, where: str) -> Check:
    bad = row.value >= LOAD_CPU_LIMIT
    return _check(
        "load generator",
        "invalid" if bad else "ok",
        f"{where}: the load generator used {row.value:.0%} of its CPU"
        + (": it may be the bottleneck; give it a core of its own." if bad else "."),
    )


def _instances(count: int, where: str) -> Check:
    status: Status = (
        "invalid" if count < INSTANCES_LIMIT else "warning" if count < INSTANCES_WARNING else "ok"
    )
    few = ": too few for an interval" if count < INSTANCES_LIMIT else ": its interval will be wide"
    return _check(
        "instances",
        status,
        f"{where}: {count} instance(s)"
        + (f"{few}; set instances = 8 in the suite." if status != "ok" else "."),
    )


def _wait(part: str, share: float, where: str) -> Check:
    status: Status = "invalid" if share > WAIT_LIMIT else "warning" if share > WAIT_WARNING else "ok"
    return _check(
        "busy cpu",
        status,
        f"{where}: the {part} was runnable but waited for a CPU for {share:.0%} of the time"
        + (": end other programs (bench.py doctor names the busiest)." if status != "ok" else "."),
    )


def _busy(usage: Busy, where: str) -> Check:
    """Return the check that the server, or the store behind it, was the bottleneck."""
    if usage.server is None:
        return _check(
            "server busy",
            "warning",
            f"{where}: the CPU of a server that is named by its address is not read, so whether it was the"
            " bottleneck is unknown; start bench.py remote agent beside it.",
        )
    share = max(usage.server, usage.store)
    status: Status = "invalid" if share < BUSY_LIMIT else "warning" if share < BUSY_WARNING else "ok"
    cpus = "its CPU" if usage.cpus == 1 else f"its {usage.cpus} CPUs"
    store = f", the store on its own {usage.store:.0%}" if usage.store > usage.server else ""
    return _check(
        "server busy",
        status,
        f"{where}: the server was on {cpus} {usage.server:.0%} of the time{store}"
        + (": it was not saturated; use more users, or a quieter machine." if status != "ok" else "."),
    )


def _lag(row: Measurement, where: str) -> Check:
    late = row.value > LAG_WARNING_US
    return _check(
        "arrivals on time",
        "warning" if late else "ok",
        f"{where}: 99 % of arrivals were sent within {row.value:.0f} µs of their schedule"
        + (": response times include this lag; lower the rate or use a quieter machine." if late else "."),
    )


def _dropped(row: Measurement, where: str) -> Check:
    bad = row.value > DROPPED_LIMIT
    return _check(
        "arrivals sent",
        "invalid" if bad else "ok",
        f"{where}: {row.value:.2%} of arrivals could not be sent"
        + (
            ": the rate is more than server and machine can handle; lower it, or repeat on an idle host."
            if bad
            else "."
        ),
    )


def _same_arm(row: Measurement, where: str, seed: int, confidence: float) -> list[Check]:
    halves = aa_test(row, seed, confidence)
    if halves is None:
        return []
    alarm = halves.p_equal < A_A_LEVEL
    return [
        _check(
            "a/a",
            "warning" if alarm else "ok",
            f"{where}: two halves of the same instances differ by a ratio of {halves.value:.3f} in"
            f" {row.metric} (p = {halves.p_equal:.2g})"
            + (": something other than the code differed; repeat the run." if alarm else "."),
        )
    ]


def _check(check: str, status: Status, detail: str) -> Check:
    return Check(check=check, status=status, detail=detail)
