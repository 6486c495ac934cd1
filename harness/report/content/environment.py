"""Environment and method of a run as text: machine, server processes, CPU placement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from harness.protocol.clocks import AnswersEnd
from harness.report.content import format as fmt
from harness.results.environment import AgentInfo, Environment, StoreLink
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
    with_interval = [row for row in result.measurements if row.ci is not None]
    counts = {row.instances for row in with_interval or result.measurements}
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
    has_values = result.measurements or not result.incidents
    design = f"{instances(result)}, {intervals(result)}" if has_values else "one server process per scheme"
    software = f"{machine.kernel}; {machine.python}; {machine.store.name} {machine.store.version}"
    return [
        f"{hardware(machine)}; {software}.",
        *(f"{', '.join(agent.arms)} ran on {_machine(agent)}." for agent in machine.agents),
        f"{design}; {placement(result)}{_store_link(result)}.",
    ]


#: Links of an embedded store, for people.
STORE_LINKS: Final[dict[StoreLink, str]] = {"unix": "on a Unix socket", "tcp": "by TCP", "tls": "by TLS"}


def _store_link(result: Result) -> str:
    """Return how servers reach the store, unless it is the user's or each scenario names its own link."""
    store, cases = result.environment.store, result.run.slots
    if store.source != "embedded" or (cases and all("store_link" in times.params for times in cases)):
        return ""
    return f"; store {STORE_LINKS[store.link]}"


def hardware(machine: Environment | AgentInfo) -> str:
    """Return CPU model and number of cores."""
    return f"{machine.cpu}, {machine.cores} cores"


def _machine(agent: AgentInfo) -> str:
    """Return another machine, and the agent that measured its servers."""
    return f"{agent.host} ({hardware(agent)}; {agent.kernel}), measured by the agent at {agent.address}"


def findings(result: Result) -> list[str]:
    """Return the doctor's warnings at the start of the run, in one line; none without warnings."""
    warned = [finding.check for finding in result.environment.findings if finding.concern == "warning"]
    text = f"Sources of noise: {', '.join(warned)} (`bench.py doctor` suggests fixes)."
    return [text] if warned else []


def environment(result: Result) -> list[tuple[str, str]]:
    """Return name and value of what affects the numbers: machine and software, without packages."""
    machine, store = result.environment, result.environment.store
    revision = machine.git.revision or "no checkout"
    speed = [] if machine.turn_ns is None else [f"{fmt.number(machine.turn_ns)} ns per iteration"]
    return [
        ("CPU", hardware(machine)),
        ("Kernel", machine.kernel),
        ("Python", machine.python),
        ("Store", f"{store.name} {store.version} ({store.source}{_store_link(result)})"),
        ("Placement", placement(result)),
        *(
            (f"Worker {number}", f"{worker.host}: {worker.cpu}, {worker.cpus} CPUs; {worker.python}")
            for number, worker in enumerate(machine.workers, 1)
        ),
        ("Revision", f"{revision}, with uncommitted changes" if machine.git.dirty else revision),
        *((f"Servers' {name.replace('_', ' ')}", value) for name, value in machine.servers.items()),
        *((f"Servers of {', '.join(agent.arms)}", _machine(agent)) for agent in machine.agents),
        *(("CPU speed check (fixed loop)", value) for value in speed),
    ]


def method(result: Result) -> list[str]:
    """Return how the figures were measured, in sentences."""
    run = result.run
    command = (
        f"`{' '.join(run.command)}`, seed {run.seed}, started at {run.started_at}:"
        f" {run.measured_s:,.0f} s of {run.wall_s:,.0f} s were spent measuring."
    )
    return [
        command,
        *(
            f"{arm} is an external server: {scheme.title} ({scheme.place}; store: {scheme.store})."
            for arm, scheme in result.environment.schemes.items()
            if scheme.place
        ),
        *(_slots(times) for times in run.slots),
        _TIMED[run.answers_end],
        *([_INTERVALS] if result.comparisons else []),
        *([_verdicts(run)] if result.comparisons and result.valid else []),
    ]


def _slots(times: SlotTimes) -> str:
    requests = f" ({times.lead_requests} requests or more)" if times.lead_requests else ""
    return (
        f"{times.case}: time slices of {times.slot_ms:g} ms, each after {times.lead_ms:g} ms of"
        f" discarded lead-in{requests}, randomly assigned to the server processes; each process was warmed up"
        f" with {times.warmup_requests:,} requests."
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
    words = [
        f"{fmt.joined(names)} {'on' if len(names) == 1 else 'share'} {_cpus(cpus)}"
        for cpus, names in groups.items()
    ]
    servers, store = ({*pinned.get(role, ())} for role in ("servers", "store"))
    if servers & store and servers != store:
        words.append(f"servers and store share {_cpus(sorted(servers & store))}")
    return "; ".join(words)


def _cpus(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"CPU {numbers[0]}"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"CPUs {numbers[0]} to {numbers[-1]}"
    return f"CPUs {', '.join(map(str, numbers))}"
