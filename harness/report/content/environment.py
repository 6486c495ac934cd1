"""Environment and method of a run as text: machine, server processes, CPU placement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.protocol.clocks import AnswersEnd
from harness.report.content import format as fmt
from harness.results.environment import AgentInfo, SchemeInfo
from harness.results.model import Result, RunInfo, SlotTimes

_TIMED: Final[dict[AnswersEnd, str]] = {
    "arrived": "Response end time: kernel receive timestamp (SO_TIMESTAMPNS).",
    "read": "Response end time: when the load generator read the response.",
}
_INTERVALS: Final = (
    "A value is the mean over server processes; its confidence interval (CI) comes from the spread between"
    " them (Welch's t on logarithms). A ratio is scheme over base: more is worse, except for throughput and"
    " capacity. The minimum detectable difference is half the width that the CI of a ratio would have if both"
    " schemes ran the same code."
)


def instances(result: Result) -> str:
    """Return the number of server processes: `8 server processes per scheme`."""
    # Metrics of the scheme as a whole, such as the store's memory, have one value and no interval.
    counts = {row.instances for row in result.measurements if row.ci is not None}
    counts = counts or {row.instances for row in result.measurements}
    if not counts:
        return "no server processes"
    low, high = min(counts), max(counts)
    noun = "server process" if high == 1 else "server processes"
    return f"{low if low == high else f'{low} to {high}'} {noun} per scheme"


def intervals(result: Result) -> str:
    """Return the confidence level of values; with interim analyses, ratios have a higher one."""
    run = result.run
    of_values = f"{fmt.whole_percent(run.confidence)} confidence intervals"
    if run.looks == 1:
        return of_values
    wider = fmt.whole_percent(run.comparisons_confidence)
    return f"{of_values}, {wider} for ratios ({run.batches} of up to {run.looks} batches)"


def describe(result: Result) -> list[str]:
    """Return how the run was made: the machine and its software, then the design."""
    machine = result.environment
    hardware = f"{machine.cpu}, {machine.cores} cores"
    design = f"{instances(result)}, {intervals(result)}"
    if result.incidents and not result.measurements:
        design = "one server process per scheme"
    software = f"{machine.kernel}; {machine.python}; {machine.store.name} {machine.store.version}"
    return [
        f"{hardware}; {software}.",
        *(f"{', '.join(agent.arms)} ran on {_machine(agent)}." for agent in machine.agents),
        f"{design}; {placement(result)}.",
    ]


def _machine(agent: AgentInfo) -> str:
    """Return another machine, and the agent that measured its servers."""
    hardware = f"{agent.cpu}, {agent.cores} cores; {agent.kernel}"
    return f"{agent.host} ({hardware}), measured by the agent at {agent.address}"


def findings(result: Result) -> list[str]:
    """Return the doctor's warnings at the start of the run, in one line; none without warnings."""
    warned = [finding.check for finding in result.environment.findings if finding.concern == "warning"]
    if not warned:
        return []
    return [f"Sources of noise: {', '.join(warned)} (`bench.py doctor` suggests fixes)."]


def environment(result: Result) -> list[tuple[str, str]]:
    """Return name and value of what affects the numbers: machine and software, without packages."""
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
        "Revision": f"{revision}, with uncommitted changes" if machine.git.dirty else revision,
        **{f"Servers' {name.replace('_', ' ')}": value for name, value in machine.servers.items()},
    }
    facts |= {f"Servers of {', '.join(agent.arms)}": _machine(agent) for agent in machine.agents}
    if machine.turn_ns is not None:
        facts["CPU speed check (fixed loop)"] = f"{fmt.number(machine.turn_ns)} ns per iteration"
    return list(facts.items())


def method(result: Result) -> list[str]:
    """Return how the figures were measured, in sentences."""
    run = result.run
    command = (
        f"`{' '.join(run.command)}`, seed {run.seed}, started at {run.started_at}:"
        f" {run.measured_s:,.0f} s of {run.wall_s:,.0f} s were spent measuring."
    )
    return [
        command,
        *(_external(arm, scheme) for arm, scheme in result.environment.schemes.items() if scheme.place),
        *(_slots(times) for times in run.slots),
        _TIMED[run.answers_end],
        *([_INTERVALS] if result.comparisons else []),
        *([_verdicts(run)] if result.comparisons and result.valid else []),
    ]


def _external(arm: str, scheme: SchemeInfo) -> str:
    return f"{arm} is an external server: {scheme.title} ({scheme.place}; store: {scheme.store})."


def _slots(times: SlotTimes) -> str:
    name = ", ".join([times.scenario, *(f"{key}={value}" for key, value in times.params.items())])
    return (
        f"{name} ({times.load}): time slices of {times.slot_ms:g} ms, each after {times.lead_ms:g} ms of"
        " discarded lead-in, randomly assigned to the server processes; each process was warmed up with"
        f" {times.warmup_requests:,} requests."
    )


def _verdicts(run: RunInfo) -> str:
    return (
        f"Equivalent: the CI of the ratio lies within {fmt.whole_percent(run.margin)} of 1. Faster or slower:"
        " it lies entirely on one side of 1, after Holm's adjustment. Otherwise inconclusive. One metric per"
        " scenario has a verdict."
    )


def placement(result: Result) -> str:
    """Return which role ran on which CPUs: `servers and store share CPU 0; load and harness share CPU 1`.

    Load from workers ran on other machines: then their number and CPUs are named.
    """
    machine = result.environment
    if not machine.workers:
        return roles_on_cpus(machine.placement)
    local = roles_on_cpus({role: cpus for role, cpus in machine.placement.items() if role != "load"})
    count = len(machine.workers)
    kinds = ", ".join(sorted({worker.cpu for worker in machine.workers}))
    return f"{local}; load from {count} {'worker' if count == 1 else 'workers'} on {kinds}"


def roles_on_cpus(roles: Mapping[str, Iterable[int]]) -> str:
    """Return which role runs on which CPUs, for a plan."""
    pinned = {role: numbers for role, cpus in roles.items() if (numbers := sorted(cpus))}
    if not pinned:
        return "no role was bound to a CPU"
    groups: dict[tuple[int, ...], list[str]] = {}
    for role, cpus in pinned.items():
        groups.setdefault(tuple(cpus), []).append(role)
    words = [_on_cpus(roles, cpus) for cpus, roles in groups.items()]
    return "; ".join([*words, *_partly_shared(pinned)])


def _partly_shared(pinned: dict[str, list[int]]) -> list[str]:
    """Return a note if servers and store have some CPUs in common, but not all."""
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
