"""Environment that a result was measured in: machine, software, servers. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.results.base import Model

#: Severity of a finding of the doctor: no run can start; adds noise; cannot be determined; fine.
Severity = Literal["blocker", "warning", "unknown", "ok"]


#: How servers reach an embedded store.
StoreLink = Literal["unix", "tcp", "tls"]


class StoreInfo(Model):
    """Session store that served the run."""

    name: str
    version: str
    #: `embedded`, or the URL without its password.
    source: str
    #: Link of an embedded store, of scenarios that do not set their own; older versions had a Unix socket.
    link: StoreLink = "unix"


class Git(Model):
    """Revision of the code that ran; None outside a checkout."""

    revision: str | None
    dirty: bool | None


class MachineFinding(Model):
    """Check of the doctor before a run: severity, detail and, if there is one, a remedy."""

    check: str
    concern: Severity
    detail: str
    remedy: str | None = None


class SchemeInfo(Model):
    """Description of an arm's scheme: transport of its credentials, and requests that query a store.

    `store` and `database` are `every request` or a smaller set (`servers/credentials/scheme.py`). `place`
    is the command and folder, or the addresses, of an external server; empty for a built-in one.
    """

    title: str
    transport: str
    store: str
    database: str
    place: str = ""


class AgentInfo(Model):
    """Agent that read the CPU and memory of servers on another machine, with that machine's data."""

    address: str
    host: str
    cpu: str
    cores: int
    kernel: str
    #: Arms that it read.
    arms: list[str]


class LoadWorker(Model):
    """Load worker on another machine, or in another process.

    Attributes:
        host: Name of its machine.
        cpu: CPU model that its system reports.
        cpus: Number of CPUs that it may use; a worker is one process, so it uses one.
        python: Version of its Python.
        clock_error_us: Largest deviation of its slot starts from the run's clock, microseconds.
        clock_drift_us: Drift of its clock against the run's during the load, microseconds.
        late_slots: Slots that it started late because the message with their start came late.
        latest_us: Largest such delay, microseconds.
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
    """Machine and software, as far as they influence the results."""

    cpu: str
    cores: int
    kernel: str
    python: str
    packages: dict[str, str]
    store: StoreInfo
    #: CPUs by role (servers, store, load, harness); empty if the system cannot pin processes.
    placement: dict[str, list[int]]
    git: Git
    #: Event loop, password cost, and the path and digest of the servers' package.
    servers: dict[str, str]
    #: CPU speed check: ns per iteration of a fixed loop, median over the run's scenarios
    #: (`harness/doctor/cpu_speed.py`).
    turn_ns: float | None = None
    #: Digest of the code that each arm's servers reported to have loaded.
    digests: dict[str, str] = Field(default_factory=dict)
    #: Scheme of each arm; empty in results of older versions.
    schemes: dict[str, SchemeInfo] = Field(default_factory=dict)
    #: One row per agent for servers that are named by their addresses.
    agents: list[AgentInfo] = Field(default_factory=list)
    #: Findings of the doctor at the start of the run; empty in results of older versions.
    findings: list[MachineFinding] = Field(default_factory=list)
    #: Load workers, if the load did not come from processes of this run.
    workers: list[LoadWorker] = Field(default_factory=list)
