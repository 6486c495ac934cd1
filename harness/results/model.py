"""The result file: its model, its version, and the unit and meaning of every metric. Pure.

Everything that people read later (console table, charts, report, exports, CI gate) is made from a `Result`
alone, so that it can be made again at any time, anywhere.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from harness.protocol.clocks import AnswersEnd, Clock
from harness.results.base import Interval, Model, Status, Verdict
from harness.results.environment import Environment
from harness.results.gate import GateCheck, Reference
from harness.results.incidents import Incident
from harness.results.metrics import confidence_of_a_look

SCHEMA_VERSION: Final = 1


#: Exit codes of commands that measured all they meant to: fine, a regression, nothing decided.
_ENDED: Final = (0, 10, 11)


class SlotTimes(Model):
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


class RunInfo(Model):
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
    slots: list[SlotTimes] = Field(default_factory=list)

    @property
    def comparisons_confidence(self) -> float:
        """Of the intervals of comparisons."""
        return confidence_of_a_look(self.confidence, self.looks)


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


class Result(Model):
    """A whole run, as `result.json` holds it."""

    schema_version: Annotated[Literal[1], Field()] = SCHEMA_VERSION
    run: RunInfo
    environment: Environment
    validity: list[Check]
    measurements: list[Measurement]
    comparisons: list[Comparison]
    distributions: list[Distribution]
    #: Empty in results from before it was looked at.
    #: What `bench.py check` was asked, and its answers.
    gate: list[GateCheck] = Field(default_factory=list)
    comparand: Reference | None = None
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


class SeriesKey(Model):
    """The case (scenario, load and parameters), the metric, and whose it is."""

    scenario: str
    load: str
    params: dict[str, Any]
    metric: str
    arm: str
    #: The arm that it is a ratio to; None for a metric by itself.
    over: str | None

    @property
    def case(self) -> str:
        """The scenario, its load and parameters: what a panel or a table is about."""
        params = [f"{key}={value}" for key, value in self.params.items()]
        return f"{', '.join([self.scenario, *params])} ({self.load})"

    @property
    def name(self) -> str:
        """The arm, or the pair of arms."""
        return self.arm if self.over is None else f"{self.arm} / {self.over}"
