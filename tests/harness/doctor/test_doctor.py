"""The doctor: judgements of made-up readings, and what is read of this machine and of others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.doctor import activity, console, examine, kernel
from harness.doctor.activity import Activity
from harness.doctor.check import Judgement, Machine
from harness.doctor.checks import clock, cpu, files, hardware, memory, programs, software, store
from harness.doctor.cpu_speed import Speed
from harness.errors import EnvironmentFailedError
from harness.results.environment import MachineFinding, Severity
from harness.suites import catalog
from harness.system import processes
from harness.system.cpus import Placement
from servers.embedded_store import embedded_store

ROOT = Path(__file__).parents[3]
FOUR = {"servers": [0], "store": [2], "load": [1], "harness": [3]}
NOWHERE = Path("/nonexistent")
CPUS = "sys/devices/system/cpu"
GOVERNOR = "cpufreq/scaling_governor"


def tree(root: Path, files: dict[str, str]) -> Path:
    """A file system with these files."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return root


def machine(root: Path, cpus: tuple[int, ...] = (0, 1), heat: tuple[int, int] | None = None) -> Machine:
    """A machine with these files of the kernel, on which nothing happens."""
    seen = Activity(stolen=0, swapped=0, other_cpus=0, busiest=[], throttled=0, heat=heat)
    placement = Placement(servers=(0,), store=(0,), load=(1,), harness=(1,))
    return Machine(catalog.load_suite("quick"), root, seen, frozenset(cpus), placement, root)


@pytest.mark.parametrize(
    ("judgement", "concern", "words"),
    [
        (cpu.cpus(4, 4, can_bind=True), "ok", "4 of 4 CPUs"),
        (cpu.cpus(8, 3, can_bind=True), "ok", "3 of 8 CPUs"),
        (cpu.cpus(8, 2, can_bind=True), "warning", "store shares the servers'"),
        (cpu.cpus(1, 1, can_bind=True), "warning", "servers, store and load generator share"),
        (cpu.cpus(8, 8, can_bind=False), "warning", "cannot pin"),
        (cpu.quota(None, 4, 0, 0), "ok", "no CPU quota"),
        (cpu.quota(4.0, 4, 9, 0), "ok", "4 CPUs covers"),
        (cpu.quota(1.5, 4, 0, 0), "warning", "1.5 CPUs"),
        (cpu.quota(None, 4, 3, 2), "warning", "2 times during the check, 3 times before"),
        (cpu.speed(Speed(3.9, 4.0)), "ok", "4.0 ns per iteration, 3.9 ns at best"),
        (cpu.speed(Speed(6.2, 9.7)), "warning", "something shares the core"),
        (cpu.stolen(0.02), "ok", "2.0%"),
        (cpu.stolen(0.31), "warning", "31.0%"),
        (programs.other_load(0.04, [("top", 7, 0.04)]), "ok", "0.04 CPUs"),
        (programs.other_load(0.5, [("make", 7, 0.4)]), "warning", "make (process 7) 0.40"),
        (programs.other_load(0.5), "warning", "none of them is visible"),
        (programs.other_benchmarks([]), "ok", "no other benchmark"),
        (programs.other_benchmarks([(7, "bench.py run")]), "warning", "bench.py run (process 7)"),
        (programs.other_benchmarks([(n, "servers") for n in range(9)]), "warning", "and 6 more"),
        (hardware.heat(0, 0), "ok", "never"),
        (hardware.heat(12, 3), "warning", "12 times since the machine started, 3 times during"),
        (hardware.battery(), "ok", "no battery"),
        (hardware.battery(80, True), "ok", "mains"),
        (hardware.battery(80, False), "warning", "80 % left"),
        (hardware.virtualisation(None, virtual_machine=False), "ok", "no virtual machine"),
        (hardware.virtualisation("docker", virtual_machine=False), "ok", "container (docker)"),
        (hardware.virtualisation(None, virtual_machine=True), "warning", "a virtual machine"),
        (memory.memory(8e9, 1.5e9), "ok", "8,000 MB available, about 1,500 MB needed"),
        (memory.memory(1e9, 1.5e9, 2e9), "warning", "limit is 2,000 MB"),
        (memory.swap(3e8, 0), "ok", "300 MB in use"),
        (memory.swap(3e8, 5), "warning", "5 pages moved"),
        (clock.clock(1e-9, "tsc"), "ok", "tsc, resolution 1 ns"),
        (clock.clock(1e-9, "hpet", ["tsc", "hpet"]), "warning", "slow to read"),
        (clock.clock(1e-3, "tsc"), "warning", "too coarse"),
        (clock.clock(1e-9, None), "unknown", "unknown source"),
        (files.descriptors(1024, 392), "ok", "1,024 files"),
        (files.descriptors(256, 392), "warning", "392 needed"),
        (files.disk(1e9, 4e6), "ok", "1,000 MB free"),
        (files.disk(1e6, 4e6), "warning", "about 4 MB needed"),
        (software.versions("x.lock", 80), "ok", "all 80 packages"),
        (software.versions("x.lock", 80, [("a", "2", "1")]), "warning", "a 1 (not 2)"),
        (software.versions("x.lock", 80, [("a", "2", None)]), "warning", "a missing (not 2)"),
        (software.python_build("CPython 3.11", debug=False, profiled=True), "ok", "optimised"),
        (software.python_build("CPython 3.11", debug=False, profiled=False), "warning", "profile-guided"),
        (software.python_build("CPython 3.11", debug=False, profiled=None), "unknown", "build options"),
        (software.python_build("CPython 3.11", debug=True, profiled=True), "warning", "debug"),
    ],
)
def test_a_reading_is_judged(judgement: Judgement, concern: Severity, words: str) -> None:
    """Its concern and its figure; whatever is not in order has a remedy, whatever is has none."""
    _is_judged(judgement, concern, words)


def _is_judged(judgement: Judgement | None, concern: Severity, words: str) -> None:
    assert judgement is not None
    assert judgement.concern == concern
    assert words in judgement.detail
    assert (judgement.remedy is not None) == (concern in ("warning", "blocker"))


@pytest.mark.parametrize(
    ("check", "content", "concern", "words"),
    [
        (
            "frequency governor",
            {f"{CPUS}/cpu{n}/{GOVERNOR}": "performance" for n in (0, 1)},
            "ok",
            "performance",
        ),
        (
            "frequency governor",
            {f"{CPUS}/cpu0/{GOVERNOR}": "performance", f"{CPUS}/cpu1/{GOVERNOR}": "powersave"},
            "warning",
            "performance, powersave",
        ),
        ("turbo", {f"{CPUS}/cpufreq/boost": "0"}, "ok", "off"),
        ("turbo", {f"{CPUS}/cpufreq/boost": "1"}, "warning", "turbo is on"),
        ("CPU accounting", {"proc/self/schedstat": ""}, "ok", "nanosecond"),
        ("CPU accounting", {}, "warning", "schedstat"),
    ],
)
def test_a_file_of_the_kernel_is_judged(
    check: str, content: dict[str, str], concern: Severity, words: str, tmp_path: Path
) -> None:
    """As readings are."""
    if check == "CPU accounting" and sys.platform != "linux":
        pytest.skip("only Linux counts to the nanosecond")
    _is_judged(examine.CHECKS[check](machine(tree(tmp_path, content))), concern, words)


def test_two_roles_on_one_core_are_named() -> None:
    """On cores with two threads each, numbered side by side, servers and load share one; harness may."""
    siblings = {0: [0, 1], 1: [0, 1], 2: [2, 3], 3: [2, 3]}
    judged = cpu.core_sharing(siblings, FOUR)
    assert judged.detail == "two threads of one core: servers on CPU 0, load on CPU 1"
    assert judged.remedy == "use one thread of each core: taskset -c 0,2 bench.py run"


@pytest.mark.parametrize(
    ("siblings", "roles"),
    [
        ({0: [0, 4], 1: [1, 5], 2: [2, 6], 3: [3, 7]}, FOUR),
        ({0: [0], 1: [1]}, {"servers": [0], "store": [0], "load": [1], "harness": [1]}),
        ({0: [0, 1], 1: [0, 1]}, {}),
    ],
    ids=["numbered apart", "one CPU for two roles", "nothing bound"],
)
def test_roles_on_cores_of_their_own_are_fine(
    siblings: dict[int, list[int]], roles: dict[str, list[int]]
) -> None:
    """Sharing a whole CPU is the placement's doing, and told there."""
    assert cpu.core_sharing(siblings, roles).concern == "ok"


def test_a_single_core_with_two_threads_asks_for_another_machine() -> None:
    """There is no choice of CPUs that would help."""
    roles = {"servers": [0], "store": [0], "load": [1], "harness": [1]}
    judged = cpu.core_sharing({0: [0, 1], 1: [0, 1]}, roles)
    assert judged.remedy is not None
    assert judged.remedy.startswith("use a machine with more cores")


def test_a_slow_clock_names_a_quick_one_that_is_there() -> None:
    """As a command to paste; without one, another machine is the remedy."""
    quick = clock.clock(1e-9, "hpet", ["hpet", "tsc"]).remedy
    none = clock.clock(1e-9, "hpet", ["hpet", "acpi_pm"]).remedy
    assert quick is not None
    assert quick.startswith("echo tsc | sudo tee /sys/")
    assert none is not None
    assert "another machine" in none


@pytest.mark.parametrize(
    ("content", "cpus", "throttled"),
    [
        (
            {
                "proc/self/cgroup": "0::/a/b",
                "sys/fs/cgroup/cgroup.controllers": "cpu memory",
                "sys/fs/cgroup/a/cpu.max": "150000 100000",
                "sys/fs/cgroup/a/cpu.stat": "usage_usec 5\nnr_throttled 7",
                "sys/fs/cgroup/a/b/cpu.max": "300000 100000",
                "sys/fs/cgroup/a/b/cpu.stat": "nr_throttled 2",
            },
            1.5,
            7,
        ),
        (
            {
                "proc/self/cgroup": "0::/docker/4711",
                "sys/fs/cgroup/cgroup.controllers": "cpu memory",
                "sys/fs/cgroup/cpu.max": "50000 100000",
                "sys/fs/cgroup/cpu.stat": "nr_throttled 1",
            },
            0.5,
            1,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a\n0::/",
                "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu/a/cpu.stat": "nr_periods 9\nnr_throttled 3",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            2.0,
            3,
        ),
        (
            {
                "proc/self/cgroup": "0::/",
                "sys/fs/cgroup/cgroup.controllers": "cpu",
                "sys/fs/cgroup/cpu.stat": "usage_usec 5",
            },
            None,
            0,
        ),
    ],
    ids=["version 2, the group above", "version 2, in a container", "version 1", "no quota"],
)
def test_cpu_quotas_of_both_versions_are_read(
    tmp_path: Path, content: dict[str, str], cpus: float | None, throttled: int
) -> None:
    """The tightest of our group and those above it, wherever the container's files begin."""
    assert kernel.cpu_limit(tree(tmp_path, content)) == kernel.CpuLimit(cpus, throttled)


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (
            {
                "proc/self/cgroup": "0::/a",
                "sys/fs/cgroup/cgroup.controllers": "memory",
                "sys/fs/cgroup/a/memory.max": "2000",
                "sys/fs/cgroup/a/memory.current": "500",
            },
            (2000, 1500),
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/a",
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2000",
                "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "1900",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "5000",
            },
            (2000, 100),
        ),
        (
            {
                "proc/self/cgroup": "0::/",
                "sys/fs/cgroup/cgroup.controllers": "memory",
                "sys/fs/cgroup/memory.max": "max",
                "sys/fs/cgroup/memory.current": "5",
            },
            None,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "5000",
            },
            None,
        ),
    ],
    ids=["version 2", "version 1", "version 2, no limit", "version 1, no limit"],
)
def test_memory_limits_of_both_versions_are_read(
    tmp_path: Path, content: dict[str, str], limit: tuple[float, float] | None
) -> None:
    """Version 1 writes a huge number for none, version 2 a word."""
    assert kernel.memory_limit(tree(tmp_path, content)) == limit


def test_another_machines_kernel_is_read(tmp_path: Path) -> None:
    """A laptop on bare metal: threads, governor, turbo, heat, clock, and no hypervisor's bit."""
    sources = "sys/devices/system/clocksource/clocksource0"
    root = tree(
        tmp_path,
        {
            f"{CPUS}/cpu0/topology/thread_siblings_list": "0,2",
            f"{CPUS}/cpu1/topology/thread_siblings_list": "1-3",
            f"{CPUS}/cpu0/cpufreq/scaling_governor": "powersave",
            f"{CPUS}/cpu1/cpufreq/scaling_governor": "performance",
            f"{CPUS}/intel_pstate/no_turbo": "0",
            f"{CPUS}/cpu0/thermal_throttle/core_throttle_count": "3",
            f"{CPUS}/cpu0/thermal_throttle/package_throttle_count": "5",
            f"{CPUS}/cpu1/thermal_throttle/package_throttle_count": "5",
            f"{sources}/current_clocksource": "hpet",
            f"{sources}/available_clocksource": "tsc hpet acpi_pm",
            "proc/cpuinfo": "processor : 0\nflags : fpu tsc",
            "run/.containerenv": "",
        },
    )
    laptop = machine(root, heat=(5, 2))
    assert cpu.read_siblings(root, [0, 1]) == {0: [0, 2], 1: [1, 2, 3]}
    assert kernel.heat_events(root) == 5
    found = {name: check(laptop) for name, check in examine.CHECKS.items()}
    assert found["frequency governor"] == Judgement(
        "warning",
        "frequency governor: performance, powersave",
        "sudo cpupower frequency-set --governor performance",
    )
    turbo, heat, source = found["turbo"], found["heat"], found["clock"]
    assert turbo is not None
    assert turbo.remedy == f"echo 1 | sudo tee /{CPUS}/intel_pstate/no_turbo"
    assert heat is not None
    assert "5 times since the machine started, 2 times during" in heat.detail
    assert source is not None
    assert source.detail.startswith("hpet,")
    assert source.remedy == f"echo tsc | sudo tee /{sources}/current_clocksource"
    assert found["virtualisation"] == Judgement("ok", "no virtual machine in a container (podman)")
    assert found["shared cores"] == Judgement("ok", "every role has its own core, or is not pinned")


def test_heat_is_counted_while_the_machine_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since the machine started, and meanwhile."""
    counts = iter([3, 5])
    monkeypatch.setattr(kernel, "heat_events", lambda _root: next(counts))
    assert activity.watch(0, tmp_path).heat == (5, 2)


def test_turbo_has_two_switches(tmp_path: Path) -> None:
    """AMD's and ACPI's driver say 1 for on; Intel's says 1 for off."""
    path = f"{CPUS}/cpufreq/boost"
    on = examine.CHECKS["turbo"](machine(tree(tmp_path, {path: "1"})))
    assert on is not None
    assert (on.concern, on.remedy) == ("warning", f"echo 0 | sudo tee /{path}")
    off = examine.CHECKS["turbo"](machine(tree(tmp_path, {path: "0"})))
    assert off == Judgement("ok", "turbo is off")


def test_a_system_without_these_files_is_not_guessed(tmp_path: Path) -> None:
    """As on macOS: every reading of the kernel says that it does not know, and none fails."""
    for reading in (
        cpu.read_siblings(NOWHERE, [0]),
        kernel.heat_events(NOWHERE),
        kernel.cpu_limit(NOWHERE),
        kernel.memory_limit(NOWHERE),
        *(
            examine.CHECKS[check](machine(NOWHERE))
            for check in (
                "frequency governor",
                "turbo",
                "heat",
                "virtualisation",
                "shared cores",
                "CPU quota",
            )
        ),
    ):
        assert reading is None
    findings = examine.examine(catalog.load_suite("quick"), tmp_path, 0.01, NOWHERE)
    assert len(findings) == len(examine.CHECKS)
    unknown = {finding.check for finding in findings if finding.concern == "unknown"}
    assert {"frequency governor", "turbo", "heat", "CPU quota", "shared cores", "virtualisation"} <= unknown


def test_what_a_kernel_writes_otherwise_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that fails is no reason for the doctor to fail."""
    tree(tmp_path, {"sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "what?"})
    monkeypatch.setattr(examine, "usable_cpus", lambda: {0})
    findings = examine.examine(catalog.load_suite("quick"), tmp_path, 0.01, tmp_path)
    [shared] = [finding for finding in findings if finding.check == "shared cores"]
    assert shared == MachineFinding(
        check="shared cores", concern="unknown", detail="not reported by this system"
    )


def test_this_machine_is_examined(tmp_path: Path) -> None:
    """Every row gives one finding, worst first; what any Linux tells is known."""
    findings = examine.examine(catalog.load_suite("quick"), tmp_path / "not" / "there", 0.1)
    assert sorted(finding.check for finding in findings) == sorted(examine.CHECKS)
    assert findings == examine.worst_first(findings)
    known = {finding.check for finding in findings if finding.concern != "unknown"}
    assert {"CPUs", "other load", "memory", "swap", "open files", "disk", "versions"} <= known
    if sys.platform == "linux":
        assert {"stolen CPU", "clock", "CPU accounting", "virtualisation"} <= known


def test_the_worst_comes_first() -> None:
    """Blockers, warnings, what is unknown, what is fine; within one kind the table's order stays."""
    concerns: list[Severity] = ["ok", "unknown", "warning", "blocker", "warning"]
    findings = [MachineFinding(check=str(i), concern=c, detail="") for i, c in enumerate(concerns)]
    assert [finding.check for finding in examine.worst_first(findings)] == ["3", "2", "4", "1", "0"]


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing but use its CPU."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        yield process
        process.kill()


def test_a_busy_neighbour_is_named(busy: subprocess.Popen[bytes]) -> None:
    """By its process id, with what it used; this process is not among them."""
    seen = activity.watch(0.5)
    assert busy.pid in {pid for _, pid, _ in seen.busiest}
    assert seen.other_cpus > 0
    assert all(share > 0 for _, _, share in seen.busiest)
    assert not {pid for _, pid, _ in seen.busiest} & {os.getpid()}


def test_our_own_busy_thread_is_no_other_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nobody else used the machine: all that was used since is our own."""
    monkeypatch.setattr(activity, "_used_s", time.process_time)
    assert activity.watch(0.2).other_cpus < 0.05


def test_versions_are_held_against_the_lock(tmp_path: Path) -> None:
    """Another version and a missing package are named; hashes and other systems' packages are passed over."""
    (tmp_path / "requirements.lock").write_text(
        f"redis=={metadata.version('redis')} \\\n    --hash=sha256:00\n"
        "aiohttp==0.1 ; python_version >= '3.8' \\\n    --hash=sha256:00\n"
        "never-published-by-anyone==1.0\n"
        "only-elsewhere==1.0 ; sys_platform == 'elsewhere'\n"
    )
    found = software.read_versions(tmp_path)
    aiohttp = metadata.version("aiohttp")
    different = [("aiohttp", "0.1", aiohttp), ("never-published-by-anyone", "1.0", None)]
    assert found == ("requirements.lock", 3, different)


def test_without_a_lock_the_wheels_own_pins_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the metadata of an installed wheel has them; neither lock nor wheel is unknown."""
    pins = ["redis[hiredis]==0.1", f"aiohttp=={metadata.version('aiohttp')}"]
    monkeypatch.setattr(metadata, "requires", lambda _name: pins)
    found = software.read_versions(tmp_path)
    assert found == ("the wheel's requirements", 2, [("redis", "0.1", metadata.version("redis"))])

    def missing(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    assert software.read_versions(tmp_path) is None


def test_the_tree_is_held_against_its_own_lock() -> None:
    """The environment of these tests is made from it."""
    found = software.read_versions()
    assert found is not None
    source, count, _ = found
    assert source == "requirements.lock"
    assert count > 20


def test_the_store_that_would_be_started_is_named() -> None:
    """Without starting it."""
    found = store.store(None)
    assert found.concern == "ok"
    assert found.detail.startswith(("valkey ", "redis "))
    assert found.detail.endswith(" (embedded)")


def test_a_running_store_is_asked_and_a_wrong_url_is_told() -> None:
    """Its name and version; where nothing answers, or where the URL is none, why."""
    with embedded_store() as url:
        found = store.store(url)
    _is_judged(found, "ok", " (")
    assert found.detail.startswith(("valkey ", "redis "))
    nobody = store.store("redis://:s3cret-word@127.0.0.1:1/0")
    _is_judged(nobody, "blocker", "redis://127.0.0.1:1/0: no answer")
    assert "s3cret-word" not in nobody.detail
    _is_judged(store.store("gopher://x"), "blocker", "the store's URL: ")


def test_no_store_at_all_is_a_blocker(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the servers say of it is in the finding."""

    def failing(module: str, arguments: list[str]) -> str:
        raise EnvironmentFailedError(f"{module} {arguments}: No Valkey or Redis server was found.")

    monkeypatch.setattr(processes, "run_module", failing)
    finding = examine.examine_store(None)
    assert finding.concern == "blocker"
    assert "No Valkey or Redis server was found" in finding.detail


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (processes.command("servers", ["cookie", "--port", "0"]), "servers"),
        (processes.command("locust", []), "locust"),
        (["python", "bench.py", "run", "quick"], "bench.py run"),
        (["/x/.venv/bin/python", "/x/bench.py", "serve"], "bench.py serve"),
        (["python", "/usr/bin/cookies-vs-tokens", "run"], "cookies-vs-tokens run"),
        (["python", "-m", "servers", "cookie"], "servers"),
        (["python", "-m", "servers.embedded_store", "--socket", "s"], "servers.embedded_store"),
        (["python", "bench.py", "doctor"], None),
        (["vim", "bench.py"], None),
        (["python", "-m", "http.server"], None),
        ([], None),
    ],
)
def test_programs_of_ours_are_known_by_their_command_line(command: list[str], name: str | None) -> None:
    """Those that measure or serve; reading and editing them is no load."""
    assert programs.program(command) == name


def test_a_server_of_ours_that_runs_is_seen_by_others(tmp_path: Path) -> None:
    """Another process finds it; its own family it leaves out, or a run would warn of itself."""
    server = processes.start("servers", ["anonymous", "--port", "0", "--json"], log=tmp_path / "log")
    try:
        assert server.stdout is not None
        assert server.stdout.readline(), (tmp_path / "log").read_text()
        script = "import json; from harness.doctor.checks import programs; print(json.dumps(programs.ours()))"
        told = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert [server.pid, "servers"] in json.loads(told)
        assert server.pid not in dict(programs.ours())
    finally:
        processes.terminate([server])


@pytest.mark.parametrize(
    ("configure", "prefix", "profiled"),
    [
        ("'--enable-optimizations' '--with-lto'", "/opt", True),
        ("'--enable-shared'", "/opt", False),
        ("'--enable-shared'", "/usr", None),
        (None, "/opt", None),
    ],
)
def test_how_python_was_built_is_not_guessed(
    configure: str | None, prefix: str, profiled: bool | None
) -> None:
    """Debian builds it profiled without saying so in its options."""
    assert software._profiled(configure, prefix) is profiled


def told(findings: list[MachineFinding]) -> str:
    """What the console prints."""
    out = StringIO()
    console.render(findings, Console(file=out, width=80))
    return out.getvalue()


def test_the_table_has_each_remedy_and_ends_with_a_summary() -> None:
    """At 80 columns, without a terminal; markup in a figure is printed as it is."""
    findings = [
        MachineFinding(check="turbo", concern="warning", detail="turbo is [red] on", remedy="switch it off"),
        MachineFinding(check="heat", concern="unknown", detail="not reported by this system"),
        MachineFinding(check="swap", concern="ok", detail="none in use"),
    ]
    text = told(findings)
    assert "turbo is [red] on" in text
    assert "→ switch it off" in text
    assert text.endswith("Sources of noise in 1 of 3 checks: turbo. 1 could not be checked.\n")
    assert max(map(len, text.splitlines())) <= 80
    assert "No source of noise was found" in told(findings[2:])
    blocked = MachineFinding(check="store", concern="blocker", detail="none", remedy="install one")
    assert "A run could not start here. Sources of noise: 1." in told([blocked, *findings])
