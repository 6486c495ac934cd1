"""The result file: its model, its version, and the unit and meaning of every metric. Pure.

Everything that people read later (console table, charts, report, exports, CI gate) is made from a `Result`
alone, so that it can be made again at any time, anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.protocol.clocks import AnswersEnd, Clock

SCHEMA_VERSION: Final = 1

Scale = Literal["log", "linear"]
Status = Literal["ok", "warning", "invalid"]
#: How a finding of the doctor stands: no run could start; figures will blur; nobody can tell; fine.
Concern = Literal["blocker", "warning", "unknown", "ok"]
Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "not judged"]
#: Low and high end of an interval; None where too few instances make one.
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Metric:
    """What a metric is called, measured in, and how its instances are averaged.

    Attributes:
        unit: As printed behind a value.
        title: What a reader calls it.
        scale: `log` metrics are always positive; their mean and interval are taken on logarithms and they are
            compared by ratio. `linear` ones may be zero.
        larger_is_better: Whether a larger value is the better one.
    """

    unit: str
    title: str
    scale: Scale = "log"
    larger_is_better: bool = False


METRICS: Final[dict[str, Metric]] = {
    "throughput": Metric("req/s", "Throughput", larger_is_better=True),
    "service_p50": Metric("us", "Service time, median"),
    "service_p90": Metric("us", "Service time, 90th percentile"),
    "service_p99": Metric("us", "Service time, 99th percentile"),
    "service_p999": Metric("us", "Service time, 99.9th percentile"),
    "response_p50": Metric("us", "Response time, median"),
    "response_p90": Metric("us", "Response time, 90th percentile"),
    "response_p99": Metric("us", "Response time, 99th percentile"),
    "response_p999": Metric("us", "Response time, 99.9th percentile"),
    "server_cpu": Metric("us/req", "Server CPU"),
    "store_cpu": Metric("us/req", "Store CPU", "linear"),
    "total_cpu": Metric("us/req", "Server and store CPU"),
    "request_bytes": Metric("B/req", "Request size"),
    "response_bytes": Metric("B/req", "Response size"),
    "store_ops": Metric("ops/req", "Store operations", "linear"),
    "error_rate": Metric("fraction", "Errors", "linear"),
    "server_rss": Metric("B", "Server memory, resident"),
    "store_memory": Metric("B", "Store memory", "linear"),
    "store_rtt": Metric("us", "Round trip to the store", "linear"),
    "longest_profile": Metric("B", "Longest profile that is served", "linear", larger_is_better=True),
    "late_arrivals": Metric("fraction", "Late arrivals", "linear"),
    "dropped_arrivals": Metric("fraction", "Dropped arrivals", "linear"),
    "lag_p99": Metric("us", "Lag behind schedule, 99th percentile", "linear"),
    "load_cpu": Metric("fraction", "Load generator's share of its CPU", "linear"),
    "capacity": Metric("req/s", "Capacity under a stated p99", larger_is_better=True),
}


#: Exit codes of commands that measured all they meant to: fine, a regression, nothing decided.
_ENDED: Final = (0, 10, 11)

#: Checks that only long runs get, and whose figures are a finding even where all is well.
GROWTH: Final = "growth"
DRIFT: Final = "drift"


def confidence_of_a_look(confidence: float, looks: int) -> float:
    """The confidence of each of so many looks at growing data, so that all err as rarely as one would.

    Bonferroni; `harness/analysis/stats/sequential.py` says why.
    """
    return 1 - (1 - confidence) / looks


class Model(BaseModel):
    """A frozen part of the result file; unknown fields are kept out."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Slots(Model):
    """How one scenario's time was cut: figures of other cuts are not quite the same thing.

    A slot is `lead_ms` of load that is not recorded and `slot_ms` that is; before the first, each instance
    answered `warmup_requests`.
    """

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    lead_ms: float
    slot_ms: float
    warmup_requests: int


class Run(Model):
    """Which run this was. Times in seconds; `started_at` is ISO 8601 in UTC.

    `measured_s` counts only the time in which requests were being recorded.
    """

    id: str
    suite: str
    seed: int
    started_at: str
    wall_s: float
    measured_s: float
    confidence: float
    command: list[str]
    #: Equivalence margin of the verdicts, as a fraction.
    margin: float
    #: Looks that the run might take, and batches of fresh instances that it measured. The intervals of its
    #: comparisons are at 1 - (1 - confidence) / looks, so that all looks together err as rarely as one would.
    looks: int = 1
    batches: int = 1
    #: Exit code that the command ended with (docs: NAMES).
    exit_code: int = 0
    answers_end: AnswersEnd = "read"
    #: One row a scenario of the suite; results of before it was recorded have none.
    slots: list[Slots] = Field(default_factory=list)

    @property
    def comparisons_confidence(self) -> float:
        """Of the intervals of comparisons."""
        return confidence_of_a_look(self.confidence, self.looks)


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


class Finding(Model):
    """What the doctor looked at before a run: how it stands, its figure, and what to do where that helps."""

    check: str
    concern: Concern
    detail: str
    remedy: str | None = None


class Declared(Model):
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
    schemes: dict[str, Declared] = Field(default_factory=dict)
    #: One row an agent beside servers that are named by their addresses.
    agents: list[AgentInfo] = Field(default_factory=list)
    #: What the doctor found as the run began; results of before it was there have none.
    findings: list[Finding] = Field(default_factory=list)
    #: Who made the load, where it was not processes of this run's own.
    workers: list[LoadWorker] = Field(default_factory=list)


class Check(Model):
    """One validity check: what was looked at, how it stands, the figure and the remedy."""

    check: str
    status: Status
    detail: str


class Measurement(Model):
    """One metric of one arm under one load.

    `points` has one estimate an instance, in the order of the instances; `value` is their mean (geometric
    for `log` metrics) and `ci` its interval at the run's confidence. `samples` counts the requests behind it.
    `batches` counts the points of each batch of instances, empty where there was one batch; with several,
    `ci` rests on what instances differ by within a batch and holds for the times at which they were measured.
    """

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    arm: str
    metric: str
    unit: str
    value: float
    ci: Interval
    instances: int
    points: list[float]
    samples: int
    batches: list[int] = Field(default_factory=list)

    def by_batch(self) -> list[list[float]]:
        """The points of each batch; none of one that this arm was not in."""
        ends = list(accumulate(self.batches or [len(self.points)]))
        return [self.points[begin:end] for begin, end in pairwise([0, *ends])]

    def paired(self, other: Measurement) -> list[tuple[list[float], list[float]]]:
        """This arm's points and another's, of each batch that both were in."""
        batches = zip(self.by_batch(), other.by_batch(), strict=True)
        return [(own, theirs) for own, theirs in batches if own and theirs]


class Comparison(Model):
    """`arm` over `base` for one metric.

    `ci` is the plain interval at the run's `comparisons_confidence`; Holm's adjustment enters the verdict
    alone.
    `noise_floor` is the half-width that the interval would have if both arms ran the same code.
    """

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    metric: str
    base: str
    arm: str
    ratio: float
    ci: Interval
    noise_floor: float | None
    primary: bool
    verdict: Verdict


#: What a gate compares with: a revision, a stored baseline, or a limit that the suite states.
GateKind = Literal["revision", "baseline", "budget"]
GateAnswer = Literal["pass", "regression", "inconclusive", "not judged"]


class Gated(Model):
    """One figure that `bench.py check` holds to a limit.

    `value` is a ratio (now over before; turned where more is better) or a figure, of a budget the left side,
    and `ci` its interval at the run's `comparisons_confidence`. It passes when the interval lies wholly on
    the right side of `limit`.
    """

    kind: GateKind
    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    #: The arm, the pair of arms, or the budget as the suite has it.
    subject: str
    metric: str
    is_ratio: bool
    value: float | None
    #: The figure before and now, where `value` is their ratio; of a pair of arms it is a ratio itself.
    sides: tuple[float, float] | None = None
    #: Of both; empty for a ratio.
    unit: str = ""
    bound: Literal["<=", ">="]
    limit: float | None
    ci: Interval
    #: Half-width, as a fraction, that a ratio's interval would have if nothing had changed.
    noise_floor: float | None
    #: Batches of fresh instances that it rests on.
    batches: int
    answer: GateAnswer
    detail: str


class Side(Model):
    """Where one of the two sides of a gate came from: what is its own besides its code.

    `end` is how the names of its arms end. `lock` is the SHA-256, in hex, of its lock file, empty where the
    suite names none; `packages` are all that its interpreter has.
    """

    end: Literal["base", "head"]
    commit: str
    #: Whether the checkout has changes that are not committed.
    dirty: bool
    lock: str
    python: str
    #: `this tool's own`, or the name of the cached environment.
    environment: str
    packages: dict[str, str]


class Comparand(Model):
    """What `bench.py check` compared with."""

    kind: Literal["revision", "baseline"]
    #: The commit, or the file.
    name: str
    #: The commit's first line, or which run it was.
    title: str
    #: A fraction that is let pass.
    tolerance: float
    #: Whether both were measured on such a machine in such a way.
    same_machine: bool
    #: Files of the servers that differ, or what differs between the machines.
    differing: list[str]
    #: Of a revision: before, then now. Results of before it was recorded have none.
    sides: list[Side] = Field(default_factory=list)


class Distribution(Model):
    """One arm's latency by percentile, all its instances merged.

    `points` are (percentile 0..100, microseconds), finer towards the tail as HdrHistogram iterates.
    """

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    arm: str
    clock: Clock
    samples: int
    points: list[tuple[float, float]]


class Vitals(Model):
    """What one process held over the time of one load, as it was looked at between slots.

    `at_s` counts seconds from before the load generator was started; every series has one value a look.
    """

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    #: Such as `cookie #3`, `store`, `load generator`, `harness`.
    process: str
    #: The scheme that it serves; None for what is no server.
    arm: str | None
    at_s: list[float]
    #: Resident memory in bytes.
    rss: list[int]
    descriptors: list[int]
    threads: list[int]


class Happening(Model):
    """Something that was done in an incident, in seconds after its load began."""

    at_s: float
    what: str


class Stale(Model):
    """For how long what an account held still worked after it had been ended.

    `seconds` run from the answer to whoever ended it to the account's first refused read; `at_least` says
    that none was refused to the end. `reads` counts those that were sent in between and answered as before,
    `readmitted` those that were let in again after one had been refused.
    """

    what: str
    seconds: float
    at_least: bool
    reads: int
    readmitted: int = 0


class Price(Model):
    """What one revocation costs while nothing else goes on."""

    server_cpu_us: float
    store_cpu_us: float
    store_ops: int


class Bins(Model):
    """How many requests ended with each outcome, and the slowest of them, in each stretch of `width_s`."""

    width_s: float
    outcomes: dict[str, list[int]]
    slowest_ms: list[float]


class Incident(Model):
    """How one arm lived through an incident.

    `outcomes` counts `ok` (a read), `login`, and every kind of failure; `not sent` are arrivals at which all
    people of the arm still waited. Refusals of accounts that were ended on purpose (`401 revoked`) are no
    failures. `failed_for_s` runs from the first failure to the last; `well_after_s`
    from the moment at which all could be well again until nothing failed any more, None where that is not
    asked or was not reached.
    """

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    kind: str
    arm: str
    seconds: float
    events: list[Happening]
    requests: int
    outcomes: dict[str, int]
    failed: int
    not_sent: int
    failed_for_s: float
    well_after_s: float | None
    logins: int
    #: The most within any one second.
    peak_logins_per_s: int
    slowest_ms: float
    #: How long a credential lives that nothing ends.
    credential_lives_s: int = 0
    #: Of the accounts that were ended on purpose.
    stale: list[Stale] = Field(default_factory=list)
    price: Price | None = None
    bins: Bins

    @property
    def share_failed(self) -> float:
        """Failures and arrivals not sent, as a fraction of all that was to be sent."""
        return (self.failed + self.not_sent) / max(self.requests + self.not_sent, 1)


class Result(Model):
    """A whole run, as `result.json` holds it."""

    schema_version: Annotated[Literal[1], Field()] = SCHEMA_VERSION
    run: Run
    environment: Environment
    validity: list[Check]
    measurements: list[Measurement]
    comparisons: list[Comparison]
    distributions: list[Distribution]
    #: Empty in results from before it was looked at.
    #: What `bench.py check` was asked, and its answers.
    gate: list[Gated] = Field(default_factory=list)
    comparand: Comparand | None = None
    vitals: list[Vitals] = Field(default_factory=list)
    incidents: list[Incident] = Field(default_factory=list)

    @property
    def valid(self) -> bool:
        """False when any check came out invalid: then no verdict counts."""
        return all(check.status != "invalid" for check in self.validity)

    @property
    def believable(self) -> bool:
        """Valid, and of a run that came to its end, whatever its verdicts."""
        return self.valid and self.run.exit_code in _ENDED

    def ended_with(self, code: int) -> Result:
        """The same, with another exit code."""
        return self.model_copy(update={"run": self.run.model_copy(update={"exit_code": code})})

    def scenarios(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The (scenario, load, params) triples measured, in the order they ran."""
        seen: list[tuple[str, str, dict[str, Any]]] = []
        for row in self.measurements:
            key = (row.scenario, row.load, row.params)
            if key not in seen:
                seen.append(key)
        return seen

    def arms(self) -> list[str]:
        """The arms, in the order of the suite."""
        rows: list[Measurement | Incident] = [*self.measurements, *self.incidents]
        return list(dict.fromkeys(row.arm for row in rows))
