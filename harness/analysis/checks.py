"""Whether a measurement may be believed. Pure: each check is a value that names its figure and its remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

from harness.analysis.measurements import aa_test
from harness.analysis.observation import Busy, Observation, busy, cpu_waits
from harness.protocol.plan import by_arm
from harness.results.base import Status
from harness.results.environment import LoadWorker
from harness.results.model import Check, Comparison, Measurement

#: Above this share of its CPU the load generator may be what was measured.
LOAD_CPU_LIMIT: Final = 0.90
#: Under saturation a server that is busy for less than this waited for something else.
BUSY_WARNING: Final = 0.60
BUSY_LIMIT: Final = 0.40
#: Lag of the 99th percentile behind schedule, microseconds.
LAG_WARNING_US: Final = 2_000
DROPPED_LIMIT: Final = 0.01
#: Share of the run's CPU time that the hypervisor gave to others.
STEAL_WARNING: Final = 0.10
STEAL_LIMIT: Final = 0.60
#: Share of the time in which a part of the rig wanted its CPU and something else had it.
WAIT_WARNING: Final = 0.05
WAIT_LIMIT: Final = 0.20
#: Share of the run in which some task of the machine waited for memory.
MEMORY_WARNING: Final = 0.01
MEMORY_LIMIT: Final = 0.10
#: With fewer instances there is no interval at all; with fewer than the other, one that says little.
INSTANCES_LIMIT: Final = 2
INSTANCES_WARNING: Final = 4
#: By how much the moment at which a worker began a slot may be off the run's clock, microseconds.
CLOCK_LIMIT_US: Final = 1_000
#: Share of the slots that a worker may begin late, since word of them came late.
LATE_SLOTS_LIMIT: Final = 0.05
#: Below this the two halves of one arm differ by more than chance.
A_A_LEVEL: Final = 0.001


def check_scenario(
    observed: Observation, rows: Sequence[Measurement], *, seed: int, confidence: float
) -> list[Check]:
    """All checks on one scenario."""
    name = observed.label
    checks = [_report(observed, name)]
    if observed.recording.complete:  # only then all errors are known
        checks.append(_answers(observed, name))
    for arm in by_arm(observed.plan.targets):
        own = {row.metric: row for row in rows if row.arm == arm and row.params == observed.scenario.params}
        if not own or "throughput" not in own:
            checks.append(_check("samples", "invalid", f"{name}, {arm}: {_why_nothing(observed)}."))
            continue
        where = f"{name}, {arm}"
        if observed.plan.model == "closed":
            checks += [_load_cpu(own["load_cpu"], where), _busy(busy(observed, arm), where)]
        elif (
            observed.plan.limit_ns
        ):  # it is behind schedule as soon as the server is: that is what it looks for
            checks.append(_busy(busy(observed, arm), where))
        else:
            checks += [_lag(own["lag_p99"], where), _dropped(own["dropped_arrivals"], where)]
        checks.append(_instances(own["throughput"].instances, where))
        checks += [_wait(part, share, where) for part, share in cpu_waits(observed, arm).items()]
        if primary := own.get(observed.scenario.primary_metric):
            checks += _same_arm(primary, where, seed, confidence)
    return checks


def without_verdicts(comparisons: Sequence[Comparison], checks: Sequence[Check]) -> list[Comparison]:
    """The comparisons as a result may give them: without any verdict when a check came out invalid."""
    if all(check.status != "invalid" for check in checks):
        return list(comparisons)
    return [row.model_copy(update={"verdict": "not judged"}) for row in comparisons]


def check_steal(share: float) -> Check:
    """How much CPU time others on the host took from this machine during the run."""
    status: Status = "invalid" if share > STEAL_LIMIT else "warning" if share > STEAL_WARNING else "ok"
    return _check(
        "stolen cpu",
        status,
        f"{share:.1%} of the CPU time wanted was taken by the host for others"
        + (
            ": intervals are wide; repeat in a quieter hour or on a machine of your own."
            if share > STEAL_WARNING
            else "."
        ),
    )


def check_swap(pages: int) -> Check:
    """Whether the machine swapped during the run."""
    return _check(
        "swap",
        "invalid" if pages else "ok",
        f"{pages} pages were swapped during the run" + (": free some memory." if pages else "."),
    )


def check_memory(stalled: float) -> Check:
    """For what share of the run some task of the machine waited for memory, by Linux's own count."""
    status: Status = "invalid" if stalled > MEMORY_LIMIT else "warning" if stalled > MEMORY_WARNING else "ok"
    return _check(
        "memory pressure",
        status,
        f"tasks waited for memory in {stalled:.1%} of the run"
        + (": free some memory, or use fewer instances." if status != "ok" else "."),
    )


def check_unfinished(where: str, why: str) -> Check:
    """What says that a load did not come to its end."""
    return _check("final report", "invalid", f"{where}: {why}. Run again.")


def check_clocks(where: str, workers: Sequence[LoadWorker], slots: int) -> Check:
    """How well the clocks of the workers agreed with the run's, and how punctually they began.

    An error moves the arrivals of one worker against those of another, and one end of a slot; latencies are
    taken by one clock, and do not hold it.

    Args:
        where: The scenario, for people.
        workers: What was found of each during this load.
        slots: How many each was to begin.
    """
    told = ", ".join(
        f"{one.host} within {one.clock_error_us:.0f} us (moved by {one.clock_drift_us:+.0f} us, began"
        f" {one.late_slots} slots more than 1 ms late)"
        for one in workers
    )
    bad = any(
        one.clock_error_us > CLOCK_LIMIT_US or one.late_slots > LATE_SLOTS_LIMIT * slots for one in workers
    )
    return _check(
        "clocks",
        "warning" if bad else "ok",
        f"{where}: {told}"
        + (
            f": over the limit of {CLOCK_LIMIT_US / 1e3:g} ms or {LATE_SLOTS_LIMIT:.0%} of slots; use a"
            " quicker way to the workers, or machines with less else to do."
            if bad
            else "."
        ),
    )


def check_restarts(restarted: Sequence[str], where: str) -> Check:
    """Whether every instance was served by the same processes from the first slot to the last."""
    return _check(
        "restarts",
        "invalid" if restarted else "ok",
        f"{where}: processes of {', '.join(restarted)} were replaced while measured: see why they restart."
        if restarted
        else f"{where}: every instance was the same processes throughout.",
    )


def check_code(digests: Mapping[str, set[str]], unseen: Sequence[str] = ()) -> Check:
    """Whether all instances of a tree run one code.

    Args:
        digests: What each instance reports of its code, by its place.
        unseen: The arms that were started where nobody here can see their code.
    """
    one_each = all(len(own) == 1 for own in digests.values())
    several = f" of {len(digests)} trees" if len(digests) > 1 else ""
    told = [f"what {', '.join(unseen)} run is not seen from here"] if unseen else []
    if digests:
        count = sum(map(len, digests.values()))
        told.insert(0, f"{count} digest(s) of the servers' package over all instances{several}")
    return _check(
        "code under test",
        "ok" if one_each else "invalid",
        "; ".join(told) + ("." if one_each else ": files changed while the run started; run it again."),
    )


def check_elsewhere(arm: str, agent: str | None, *, store: bool) -> Check:
    """What is known of servers that were not started by this run.

    Args:
        arm: Theirs.
        agent: Who reads their CPU time and memory; None for nobody.
        store: Whether their store is read, too.
    """
    told = [f"{arm} was not started by this run"]
    if agent is not None:
        told.append(f"the agent at {agent} read its CPU and memory")
    lost = [] if agent is not None else ["server_cpu", "server_rss"]
    lost += [] if store else ["store_cpu", "store_ops"]
    lost += ["total_cpu"] if lost else []
    told.append(f"nobody reads its {', '.join([*lost, 'store_memory', 'store_rtt'])}: left out")
    remedies = [] if agent is not None else [f"bench.py remote agent beside it, named in own.{arm}.agent"]
    remedies += [] if store else ["its store, named by --redis-url"]
    return _check(
        "elsewhere",
        "warning" if remedies else "ok",
        "; ".join(told) + (f". To have more: {', and '.join(remedies)}." if remedies else "."),
    )


def check_difference(base: Set[str], head: Set[str], revision: str, differing: Sequence[str]) -> Check:
    """Whether what ran of two trees differs as git says that they do.

    Args:
        base: Digests of the code that the revision's servers reported.
        head: The same of the working tree's.
        revision: For people.
        differing: The files that differ.
    """
    same = base == head
    if same == (not differing):
        told = "the same code" if same else f"{len(differing)} file(s) of the servers differ"
        return _check(
            "revisions", "ok", f"{revision} and the working tree: {told}, and so do the digests say."
        )
    if same:
        told = f"{', '.join(differing)} differ from {revision}, but the servers report one digest"
    else:
        told = (
            f"the servers' digests differ from {revision}'s, but git knows of no difference: ignored files?"
        )
    return _check("revisions", "invalid", f"{told}. What ran is not what was meant.")


def _why_nothing(observed: Observation) -> str:
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
        + (f"{few}; say instances = 8 in the suite." if status != "ok" else "."),
    )


def _wait(part: str, share: float, where: str) -> Check:
    status: Status = "invalid" if share > WAIT_LIMIT else "warning" if share > WAIT_WARNING else "ok"
    return _check(
        "busy cpu",
        status,
        f"{where}: for {share:.0%} of the time the {part} wanted its CPU and something else had it"
        + (": end other programs (bench.py doctor names the busiest)." if status != "ok" else "."),
    )


def _busy(found: Busy, where: str) -> Check:
    """Whether the server was the limit, or the store behind it: else something before both was."""
    if found.server is None:
        return _check(
            "server busy",
            "warning",
            f"{where}: nobody reads the CPU of a server that is named by its address, so whether it or"
            " something before it was the limit is not known; start bench.py remote agent beside it.",
        )
    share = max(found.server, found.store)
    status: Status = "invalid" if share < BUSY_LIMIT else "warning" if share < BUSY_WARNING else "ok"
    cpus = "its CPU" if found.cpus == 1 else f"its {found.cpus} CPUs"
    store = f", the store on its own {found.store:.0%}" if found.store > found.server else ""
    return _check(
        "server busy",
        status,
        f"{where}: the server was on {cpus} {found.server:.0%} of the time{store}"
        + (": it was not saturated; use more users, or a quieter machine." if status != "ok" else "."),
    )


def _lag(row: Measurement, where: str) -> Check:
    late = row.value > LAG_WARNING_US
    return _check(
        "arrivals on time",
        "warning" if late else "ok",
        f"{where}: 99 % of arrivals were sent within {row.value:.0f} us of their schedule"
        + (": response times hold this lag; lower the rate or use a quieter machine." if late else "."),
    )


def _dropped(row: Measurement, where: str) -> Check:
    bad = row.value > DROPPED_LIMIT
    return _check(
        "arrivals sent",
        "invalid" if bad else "ok",
        f"{where}: {row.value:.2%} of arrivals could not be sent"
        + (
            ": the rate is more than server and machine could take; lower it, or repeat in a quieter hour."
            if bad
            else "."
        ),
    )


def _same_arm(row: Measurement, where: str, seed: int, confidence: float) -> list[Check]:
    one = aa_test(row, seed, confidence)
    if one is None:
        return []
    alarm = one.p_equal < A_A_LEVEL
    return [
        _check(
            "a/a",
            "warning" if alarm else "ok",
            f"{where}: two halves of the same instances differ by a ratio of {one.value:.3f} in {row.metric}"
            f" (p = {one.p_equal:.2g})"
            + (": something moved besides the code; repeat the run." if alarm else "."),
        )
    ]


def _check(check: str, status: Status, detail: str) -> Check:
    return Check(check=check, status=status, detail=detail)
