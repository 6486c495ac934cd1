"""Where a result was measured: machine, software, servers. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.results.base import Model

#: How a finding of the doctor stands: no run could start; figures will blur; nobody can tell; fine.
Severity = Literal["blocker", "warning", "unknown", "ok"]


class StoreInfo(Model):
    """The session store that served the run."""

    name: str
    version: str
    #: `embedded`, or the URL with any password taken out.
    source: str


class Git(Model):
    """The revision of the tree that ran; None outside a checkout."""

    revision: str | None
    dirty: bool | None


class MachineFinding(Model):
    """What the doctor looked at before a run: how it stands, its figure, and what to do where that helps."""

    check: str
    concern: Severity
    detail: str
    remedy: str | None = None


class SchemeInfo(Model):
    """What an arm's scheme says of itself: how credentials travel, and which requests ask what of whom.

    `store` and `database` are `every request`, or one of fewer (`servers/credentials/guarantees.py`). `place`
    is where a server of somebody else's comes from, its command and folder or its addresses; empty for one of
    ours.
    """

    title: str
    transport: str
    store: str
    database: str
    place: str = ""


class AgentInfo(Model):
    """Whoever read the CPU and memory of servers on another machine, and what that machine is."""

    address: str
    host: str
    cpu: str
    cores: int
    kernel: str
    #: Those that it read.
    arms: list[str]


class LoadWorker(Model):
    """A worker on another machine, or in another process, that made a part of the load.

    Attributes:
        host: Name of its machine.
        cpu: What its system calls the CPU.
        cpus: How many it may use; a worker is one process, so it takes one.
        python: Its Python.
        clock_error_us: By how much the moment at which it began a slot was off the run's clock, at most.
        clock_drift_us: How far its clock moved away from the run's while it was under load.
        late_slots: Slots that it began late, since word of their moment came late.
        latest_us: How late at worst.
    """

    host: str
    cpu: str
    cpus: int
    python: str
    clock_error_us: float
    clock_drift_us: float = 0
    late_slots: int = 0
    latest_us: float = 0


class Environment(Model):
    """The machine and the software, as far as they move the numbers."""

    cpu: str
    cores: int
    kernel: str
    python: str
    packages: dict[str, str]
    store: StoreInfo
    #: Role (servers, store, load, harness) to the CPUs it was given; empty where the system cannot pin.
    placement: dict[str, list[int]]
    git: Git
    #: Event loop, password cost, and the path and digest of the servers' package.
    servers: dict[str, str]
    #: What a turn of a fixed loop took, in ns, in the median over the run's scenarios
    #: (`harness/doctor/cpu_speed.py`).
    turn_ns: float | None = None
    #: Of the code that each arm's servers reported to have loaded.
    digests: dict[str, str] = Field(default_factory=dict)
    #: What each arm runs; results of before it was recorded have none.
    schemes: dict[str, SchemeInfo] = Field(default_factory=dict)
    #: One row an agent beside servers that are named by their addresses.
    agents: list[AgentInfo] = Field(default_factory=list)
    #: What the doctor found as the run began; results of before it was there have none.
    findings: list[MachineFinding] = Field(default_factory=list)
    #: Who made the load, where it was not processes of this run's own.
    workers: list[LoadWorker] = Field(default_factory=list)
