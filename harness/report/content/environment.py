"""How a run was made, in words: machine, instances, placement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.protocol.clocks import AnswersEnd
from harness.report.content import format as fmt
from harness.results.environment import AgentInfo, SchemeInfo
from harness.results.model import Result, RunInfo, SlotTimes

_TIMED: Final[dict[AnswersEnd, str]] = {
    "arrived": "An answer is timed to its arrival, as the kernel noted it.",
    "read": "An answer is timed to its reading by the load generator.",
}
_INTERVALS: Final = (
    "A value is the mean over server processes, and its interval comes from how far they differ (Welch's t on"
    " logarithms). A ratio is arm over base: more is worse, but for throughput and capacity. The noise floor"
    " is half the width that the interval of a ratio would have if both arms ran the same code."
)


def instances(result: Result) -> str:
    """How many server instances there were: `8 instances per arm`."""
    # Metrics of the arm as a whole, such as the store's memory, have one figure and no interval.
    counts = {row.instances for row in result.measurements if row.ci is not None}
    counts = counts or {row.instances for row in result.measurements}
    if not counts:
        return "no instances"
    low, high = min(counts), max(counts)
    noun = "instance" if high == 1 else "instances"
    return f"{low if low == high else f'{low} to {high}'} {noun} per arm"


def intervals(result: Result) -> str:
    """What the intervals are: `99 % intervals`; where a run may look again, those of ratios are wider."""
    run = result.run
    plain = f"{fmt.whole_percent(run.confidence)} intervals"
    if run.looks == 1:
        return plain
    wider = fmt.whole_percent(run.comparisons_confidence)
    batches = f"{run.batches} of up to {run.looks} batches"
    return f"{plain}, {wider} for ratios ({batches}, where a verdict needed them)"


def describe(result: Result) -> list[str]:
    """How the run was made: the machine and its software, then the design."""
    machine = result.environment
    hardware = f"{machine.cpu}, {machine.cores} cores"
    design = f"{instances(result)}, {intervals(result)}"
    if result.incidents and not result.measurements:
        design = "one instance of each arm"
    software = f"{machine.kernel}; {machine.python}; {machine.store.name} {machine.store.version}"
    return [
        f"{hardware}; {software}.",
        *(f"{', '.join(one.arms)} ran on {_machine(one)}." for one in machine.agents),
        f"{design}; {placement(result)}.",
    ]


def _machine(agent: AgentInfo) -> str:
    """Another machine, and who read what went on there."""
    hardware = f"{agent.cpu}, {agent.cores} cores; {agent.kernel}"
    return f"{agent.host} ({hardware}), read by the agent at {agent.address}"


def findings(result: Result) -> list[str]:
    """What the doctor warned of as the run began, in one line; none where it had nothing to say."""
    warned = [finding.check for finding in result.environment.findings if finding.concern == "warning"]
    if not warned:
        return []
    return [f"What may blur these figures: {', '.join(warned)} (`bench.py doctor` tells what to do)."]


def environment(result: Result) -> list[tuple[str, str]]:
    """The machine and the software by name, as far as they move the numbers; packages are apart."""
    machine = result.environment
    revision = machine.git.revision or "no checkout"
    facts = {
        "CPU": f"{machine.cpu}, {machine.cores} cores",
        "Kernel": machine.kernel,
        "Python": machine.python,
        "Store": f"{machine.store.name} {machine.store.version} ({machine.store.source})",
        "Placement": placement(result),
        **{
            f"Worker {number}": f"{worker.host}: {worker.cpu}, {worker.cpus} CPUs; {worker.python}"
            for number, worker in enumerate(machine.workers, 1)
        },
        "Revision": f"{revision}, with changes that are not committed" if machine.git.dirty else revision,
        **{f"Servers' {name.replace('_', ' ')}": value for name, value in machine.servers.items()},
    }
    facts |= {f"Servers of {', '.join(one.arms)}": _machine(one) for one in machine.agents}
    if machine.turn_ns is not None:
        facts["A turn of a fixed loop"] = f"{fmt.number(machine.turn_ns)} ns"
    return list(facts.items())


def method(result: Result) -> list[str]:
    """How the figures came about, in sentences, with this run's own numbers."""
    run = result.run
    command = (
        f"`{' '.join(run.command)}`, seed {run.seed}, began at {run.started_at}:"
        f" {run.measured_s:,.0f} s of {run.wall_s:,.0f} s were spent measuring."
    )
    return [
        command,
        *(_own(arm, declared) for arm, declared in result.environment.schemes.items() if declared.place),
        *(_slots(one) for one in run.slots),
        _TIMED[run.answers_end],
        *([_INTERVALS] if result.comparisons else []),
        *([_verdicts(run)] if result.comparisons and result.valid else []),
    ]


def _own(arm: str, declared: SchemeInfo) -> str:
    return (
        f"{arm} is a server of somebody else's: {declared.title} ({declared.place}; store: {declared.store})."
    )


def _slots(one: SlotTimes) -> str:
    name = ", ".join([one.scenario, *(f"{key}={value}" for key, value in one.params.items())])
    return (
        f"{name} ({one.load}): slots of {one.slot_ms:g} ms after {one.lead_ms:g} ms that are not recorded,"
        " dealt at random over all server processes, each warmed up by"
        f" {one.warmup_requests:,} requests."
    )


def _verdicts(run: RunInfo) -> str:
    return (
        f"Equivalent: the interval lies within {fmt.whole_percent(run.margin)} of 1. Faster or slower: it"
        " lies wholly on one side of 1, after Holm's adjustment. Else inconclusive. One metric a scenario is"
        " judged."
    )


def placement(result: Result) -> str:
    """Which role ran on which CPUs: `servers and store share CPU 0; load and harness share CPU 1`.

    Where workers made the load, none of it ran here: it is said how many there were, and on what.
    """
    machine = result.environment
    if not machine.workers:
        return roles_on_cpus(machine.placement)
    here = roles_on_cpus({role: cpus for role, cpus in machine.placement.items() if role != "load"})
    count = len(machine.workers)
    kinds = ", ".join(sorted({worker.cpu for worker in machine.workers}))
    return f"{here}; load from {count} {'worker' if count == 1 else 'workers'} on {kinds}"


def roles_on_cpus(roles: Mapping[str, Iterable[int]]) -> str:
    """The same for a plan."""
    pinned = {role: found for role, cpus in roles.items() if (found := sorted(cpus))}
    if not pinned:
        return "no role was bound to a CPU"
    groups: dict[tuple[int, ...], list[str]] = {}
    for role, cpus in pinned.items():
        groups.setdefault(tuple(cpus), []).append(role)
    words = [_on_cpus(roles, cpus) for cpus, roles in groups.items()]
    return "; ".join([*words, *_partly_shared(pinned)])


def _partly_shared(pinned: dict[str, list[int]]) -> list[str]:
    """Says so where servers and store have some CPUs in common, but not all."""
    servers, store = set(pinned.get("servers", ())), set(pinned.get("store", ()))
    common = sorted(servers & store)
    return [f"servers and store share {_cpus(common)}"] if common and servers != store else []


def _on_cpus(roles: list[str], cpus: Iterable[int]) -> str:
    if len(roles) == 1:
        return f"{roles[0]} on {_cpus(cpus)}"
    return f"{', '.join(roles[:-1])} and {roles[-1]} share {_cpus(cpus)}"


def _cpus(cpus: Iterable[int]) -> str:
    numbers = list(cpus)
    if len(numbers) == 1:
        return f"CPU {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2:
        return f"CPUs {numbers[0]} to {numbers[-1]}"
    return f"CPUs {', '.join(map(str, numbers))}"
