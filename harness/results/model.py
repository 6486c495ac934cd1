"""Model and version of the result file. Pure.

All output for people (console table, charts, report, exports, CI gate) is made from a `Result` alone, so that
it can be regenerated at any time, anywhere.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, Final, Literal, Self

from pydantic import Field

from harness.protocol.clocks import AnswersEnd, Clock
from harness.results.base import Interval, Model, ScenarioModel, Status, Verdict
from harness.results.environment import Environment
from harness.results.gate import GateCheck, Reference
from harness.results.incidents import Incident
from harness.results.metrics import METRICS, confidence_of_a_look

SCHEMA_VERSION: Final = 1
#: Exit codes of completed measurements: success, regression, inconclusive.
_COMPLETED: Final = (0, 10, 11)


class SlotTimes(ScenarioModel):
    """Slot times of one scenario; results with other slot times are not quite comparable.

    A slot has `lead_ms` of load that is not recorded and `slot_ms` that is; before the first slot, each
    instance answered `warmup_requests`.
    """

    lead_ms: float
    #: Requests in the lead-in, at least; 0 in results of older versions, which counted none.
    lead_requests: int = 0
    slot_ms: float
    warmup_requests: int


class RunInfo(Model):
    """Identity and settings of a run. Times in seconds; `started_at` is ISO 8601 in UTC.

    `measured_s` counts only the time in which requests were recorded.
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
    #: Interim analyses that the run was allowed, and batches of fresh instances that it measured. Intervals
    #: of comparisons are at 1 - (1 - confidence) / looks, so that all looks together keep the confidence.
    looks: int = 1
    batches: int = 1
    #: Exit code of the command (`harness/errors.py`).
    exit_code: int = 0
    answers_end: AnswersEnd = "read"
    #: One row per scenario of the suite; empty in results of older versions.
    slots: list[SlotTimes] = Field(default_factory=list)

    @property
    def comparisons_confidence(self) -> float:
        """Return the confidence level of the intervals of comparisons."""
        return confidence_of_a_look(self.confidence, self.looks)


class Check(Model):
    """Validity check: its name, its status, and its figure with a remedy."""

    check: str
    status: Status
    detail: str

    @classmethod
    def graded(
        cls, check: str, figure: str, remedy: str, *, warning: bool = False, invalid: bool = False
    ) -> Self:
        """Return a check of this figure, followed by the remedy unless the status is ok."""
        status: Status = "invalid" if invalid else "warning" if warning else "ok"
        detail = f"{figure}." if status == "ok" else f"{figure}: {remedy}."
        return cls(check=check, status=status, detail=detail)


class Measurement(ScenarioModel):
    """One metric of one arm under one load.

    `points` has one estimate per instance, in the order of the instances; `value` is their mean (geometric
    for `log` metrics) and `ci` its interval at the run's confidence. `samples` counts the requests behind it.
    `batches` counts the points of each batch of instances, empty for a single batch; with several, `ci` is
    based on the spread within batches and holds for the times at which they were measured.
    """

    arm: str
    metric: str
    unit: str
    value: float
    ci: Interval
    instances: int
    points: list[float]
    samples: int
    batches: list[int] = Field(default_factory=list)

    @property
    def has_logs(self) -> bool:
        """Whether its mean and interval are computed on logarithms."""
        return METRICS[self.metric].scale == "log" and min(self.points) > 0

    def by_batch(self) -> list[list[float]]:
        """Return the points of each batch; empty for a batch without this arm."""
        ends = list(accumulate(self.batches or [len(self.points)]))
        return [self.points[begin:end] for begin, end in pairwise([0, *ends])]

    def paired(self, other: Measurement) -> list[tuple[list[float], list[float]]]:
        """Return the points of this arm and of another, for each batch that has both."""
        batches = zip(self.by_batch(), other.by_batch(), strict=True)
        return [(points, others) for points, others in batches if points and others]


class Comparison(ScenarioModel):
    """Ratio of `arm` to `base` for one metric.

    `ci` is the unadjusted interval at the run's `comparisons_confidence`; only the verdict uses Holm's
    adjustment. `noise_floor` is the half-width that the interval would have if both arms ran the same code.
    """

    metric: str
    base: str
    arm: str
    ratio: float
    ci: Interval
    noise_floor: float | None
    primary: bool
    verdict: Verdict


class Distribution(ScenarioModel):
    """Latency of one arm by percentile, over all its instances.

    `points` are (percentile 0..100, microseconds), finer towards the tail as HdrHistogram iterates.
    """

    arm: str
    clock: Clock
    samples: int
    points: list[tuple[float, float]]


class Vitals(ScenarioModel):
    """Memory, descriptors and threads of one process during one load, sampled between slots.

    `at_s` counts seconds from before the load generator was started; every series has one value per sample.
    """

    #: Such as `cookie #3`, `store`, `load generator`, `harness`.
    process: str
    #: Arm of a server process; None for other processes.
    arm: str | None
    at_s: list[float]
    #: Resident memory in bytes.
    rss: list[int]
    descriptors: list[int]
    threads: list[int]


class Result(Model):
    """Whole run, as in `result.json`."""

    schema_version: Literal[1] = SCHEMA_VERSION
    run: RunInfo
    environment: Environment
    validity: list[Check]
    measurements: list[Measurement]
    comparisons: list[Comparison]
    distributions: list[Distribution]
    #: Checks of `bench.py check`, with their verdicts.
    gate: list[GateCheck] = Field(default_factory=list)
    comparand: Reference | None = None
    vitals: list[Vitals] = Field(default_factory=list)
    incidents: list[Incident] = Field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Whether no check is invalid; otherwise verdicts do not count."""
        return all(check.status != "invalid" for check in self.validity)

    @property
    def believable(self) -> bool:
        """Whether the result is valid and its run was completed, whatever the verdicts."""
        return self.valid and self.run.exit_code in _COMPLETED

    def ended_with(self, code: int) -> Result:
        """Return the result with another exit code."""
        return self.model_copy(update={"run": self.run.model_copy(update={"exit_code": code})})

    def scenarios(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return the measured (scenario, load, params) triples, in the order in which they ran."""
        seen: list[tuple[str, str, dict[str, Any]]] = []
        for row in self.measurements:
            if (key := (row.scenario, row.load, row.params)) not in seen:
                seen.append(key)
        return seen

    def arms(self) -> list[str]:
        """Return the arms, in the order of the suite."""
        rows: list[Measurement | Incident] = [*self.measurements, *self.incidents]
        return list(dict.fromkeys(row.arm for row in rows))


class SeriesKey(ScenarioModel):
    """Key of a series: case (scenario, load and parameters), metric and arm."""

    metric: str
    arm: str
    #: Denominator of a ratio of two arms; None for an absolute metric.
    over: str | None

    @property
    def name(self) -> str:
        """Return the arm, or the pair of arms."""
        return self.arm if self.over is None else f"{self.arm} / {self.over}"
