"""What a run has found so far: each batch of instances adds to what was there. Pure."""

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
class _Found:
    """What all batches of one scenario say together."""

    measured_s: float
    measurements: list[Measurement]
    comparisons: list[Comparison]
    distributions: list[Distribution]
    vitals: list[Vitals]
    answers_end: AnswersEnd


class ResultBuilder:
    """Grows by one scenario of one batch at a time.

    Args:
        suite: What is measured.
        seed: Of the run.
        looks: How many batches there may be; each look has its share of the level.

    Attributes:
        checks: Whether what was measured may be believed; those of the whole run are added by whoever knows.
    """

    def __init__(self, suite: Suite, seed: int, looks: int) -> None:
        self._suite = suite
        self._seed = seed
        self._confidence = confidence_of_a_look(suite.confidence, looks)
        self._observed: dict[int, list[Observation]] = {}
        self._found: dict[int, _Found] = {}
        self._lived: dict[int, IncidentRecord] = {}
        self.checks: list[Check] = []

    def add(self, index: int, observed: Observation) -> None:
        """Enter what one batch saw of the suite's scenario number `index`, and check it by itself."""
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
        self._found[index] = _Found(
            whole.measured_s,
            rows,
            analysis.comparisons(
                rows, scenario, confidence=self._confidence, margin=suite.margin, among=suite.pairs
            ),
            analysis.distributions(whole),
            list(whole.vitals),
            whole.recording.answers_end,
        )

    def add_incident(self, index: int, lived: IncidentRecord) -> None:
        """Enter what all arms lived through in the suite's scenario number `index`, which has no verdict."""
        self.checks += incident_checks.checks(lived)
        self._lived[index] = lived

    @property
    def valid(self) -> bool:
        """False once any check came out invalid."""
        return all(check.status != "invalid" for check in self.checks)

    def undecided(self) -> Pending:
        """The scenarios in which some verdict is not reached yet."""
        every = [i for i in range(len(self._suite.scenarios)) if i not in self._lived]
        left = (i for i in every if i not in self._found or undecided(self._found[i].comparisons))
        return Pending(frozenset(left), frozenset(self._suite.arms))

    @property
    def measured_s(self) -> float:
        """Seconds in which requests were being recorded."""
        in_slots = sum(one.measured_s for one in self._in_order())
        return in_slots + sum(one.measured_s for one in self._lived.values())

    @property
    def measurements(self) -> list[Measurement]:
        """Of all scenarios."""
        return [row for one in self._in_order() for row in one.measurements]

    @property
    def comparisons(self) -> list[Comparison]:
        """Of all scenarios; without any verdict when a check came out invalid."""
        return checks.without_verdicts(
            [row for one in self._in_order() for row in one.comparisons], self.checks
        )

    @property
    def distributions(self) -> list[Distribution]:
        """Of all scenarios."""
        return [row for one in self._in_order() for row in one.distributions]

    @property
    def vitals(self) -> list[Vitals]:
        """Of all scenarios."""
        return [row for one in self._in_order() for row in one.vitals]

    @property
    def incidents(self) -> list[Incident]:
        """Of all scenarios that are one."""
        return [row for _, lived in sorted(self._lived.items()) for row in metrics.incidents(lived)]

    @property
    def answers_end(self) -> AnswersEnd:
        """What an answer's time ended with."""
        return next((one.answers_end for one in self._in_order()), "read")

    def _in_order(self) -> Iterable[_Found]:
        """As the suite has the scenarios; they may be measured in another order."""
        return [self._found[index] for index in sorted(self._found)]
