"""Builder of the result of a run, which each batch of instances adds to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.analysis import checks, endurance
from harness.analysis import measurements as analysis
from harness.analysis.observation import Observation, joined
from harness.analysis.stats.sequential import Pending, undecided
from harness.measure.incidents import checks as incident_checks
from harness.measure.incidents import metrics
from harness.measure.incidents.record import IncidentRecord
from harness.protocol.clocks import AnswersEnd
from harness.results.incidents import Incident
from harness.results.metrics import confidence_of_a_look
from harness.results.model import Check, Comparison, Distribution, Measurement, Vitals
from harness.suites.model import Suite


@dataclass(frozen=True)
class _ScenarioResult:
    """Result of one scenario, over all batches so far."""

    measured_s: float
    measurements: list[Measurement]
    comparisons: list[Comparison]
    distributions: list[Distribution]
    vitals: list[Vitals]
    answers_end: AnswersEnd


class ResultBuilder:
    """Builder of a result, which accumulates one scenario of one batch at a time.

    Args:
        suite: Suite that is measured.
        seed: Seed of the run.
        looks: Maximum number of batches; each interim analysis has its share of the significance level.

    Attributes:
        checks: Validity checks; the run adds those that concern it as a whole.
    """

    def __init__(self, suite: Suite, seed: int, looks: int) -> None:
        self._suite = suite
        self._seed = seed
        self._confidence = confidence_of_a_look(suite.confidence, looks)
        self._observed: dict[int, list[Observation]] = {}
        self._results: dict[int, _ScenarioResult] = {}
        self._records: dict[int, IncidentRecord] = {}
        self.checks: list[Check] = []

    def add(self, index: int, observed: Observation) -> None:
        """Add and check the observation of the suite's scenario number `index` in one batch."""
        suite, scenario = self._suite, observed.scenario
        rows = analysis.measurements(observed, suite.confidence)
        self.checks += checks.check_scenario(observed, rows, seed=self._seed, confidence=suite.confidence)
        self.checks += endurance.checks(
            observed, confidence=suite.confidence, margin=suite.margin, stationary=suite.stationary
        )
        batches = self._observed.setdefault(index, [])
        batches.append(observed)
        whole = joined(batches)
        if len(batches) > 1:
            rows = analysis.measurements(whole, suite.confidence)
        self._results[index] = _ScenarioResult(
            whole.measured_s,
            rows,
            analysis.comparisons(
                rows, scenario, confidence=self._confidence, margin=suite.margin, among=suite.pairs
            ),
            analysis.distributions(whole),
            list(whole.vitals),
            whole.recording.answers_end,
        )

    def add_incident(self, index: int, record: IncidentRecord) -> None:
        """Add and check the incident that is the suite's scenario number `index`; it has no verdict."""
        self.checks += incident_checks.checks(record)
        self._records[index] = record

    @property
    def valid(self) -> bool:
        """Whether no check has the status invalid."""
        return all(check.status != "invalid" for check in self.checks)

    def undecided(self) -> Pending:
        """Return the scenarios in which a verdict is not reached yet."""
        with_verdicts = [i for i in range(len(self._suite.scenarios)) if i not in self._records]
        pending = (
            i for i in with_verdicts if i not in self._results or undecided(self._results[i].comparisons)
        )
        return Pending(frozenset(pending), frozenset(self._suite.arms))

    @property
    def measured_s(self) -> float:
        """Return the seconds in which requests were recorded."""
        in_slots = sum(result.measured_s for result in self._in_order())
        return in_slots + sum(record.measured_s for record in self._records.values())

    @property
    def measurements(self) -> list[Measurement]:
        """Return the measurements of all scenarios."""
        return [row for result in self._in_order() for row in result.measurements]

    @property
    def comparisons(self) -> list[Comparison]:
        """Return the comparisons of all scenarios, without verdicts if a check is invalid."""
        return checks.without_verdicts(
            [row for result in self._in_order() for row in result.comparisons], self.checks
        )

    @property
    def distributions(self) -> list[Distribution]:
        """Return the distributions of all scenarios."""
        return [row for result in self._in_order() for row in result.distributions]

    @property
    def vitals(self) -> list[Vitals]:
        """Return the vitals of all scenarios."""
        return [row for result in self._in_order() for row in result.vitals]

    @property
    def incidents(self) -> list[Incident]:
        """Return the rows of all incidents."""
        return [row for _, record in sorted(self._records.items()) for row in metrics.incidents(record)]

    @property
    def answers_end(self) -> AnswersEnd:
        """Return the event that ends the time of a response."""
        return next((result.answers_end for result in self._in_order()), "read")

    def _in_order(self) -> Iterable[_ScenarioResult]:
        """Return the results in the suite's order of scenarios, which may be measured in another order."""
        return [self._results[index] for index in sorted(self._results)]
