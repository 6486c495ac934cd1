"""How a run was made, in words: machine, instances, placement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.report import format as fmt
from harness.result import Result


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
        f"{design}; {placement(result)}.",
    ]


def findings(result: Result) -> list[str]:
    """What the doctor warned of as the run began, in one line; none where it had nothing to say."""
    warned = [finding.check for finding in result.environment.findings if finding.concern == "warning"]
    if not warned:
        return []
    return [f"What may blur these figures: {', '.join(warned)} (`bench.py doctor` tells what to do)."]


def placement(result: Result) -> str:
    """Which role ran on which CPUs: `servers and store share CPU 0; load and harness share CPU 1`."""
    return roles_on_cpus(result.environment.placement)


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
