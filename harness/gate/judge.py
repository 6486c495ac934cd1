"""Verdicts of a gate: pass, regression, or inconclusive. Pure.

A value passes if its confidence interval lies entirely within its limit. It is a regression if three
conditions hold: the interval lies entirely beyond the limit, after Holm's adjustment over all values with
verdicts; it already did so without the newest batch of server processes; and the newest batch alone confirms
it. Exact counts need no confirmation. Otherwise the value is inconclusive, and a further batch is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.stats.sequential import Pending
from harness.analysis.stats.verdict import holm
from harness.gate.questions import GateQuestion, RatioEstimate, Rows, rows_about
from harness.measure.result_builder import ResultBuilder
from harness.results.gate import GateCheck, GateVerdict
from harness.results.model import Measurement

#: Relative rounding error of a counted value.
_ROUNDING: Final = 1e-9

#: A verdict and its reason.
_Verdict = tuple[GateVerdict, str]


@dataclass(frozen=True)
class Judge:
    """Gives a verdict on each question of a gate, from the measurements so far.

    Attributes:
        questions: Questions of the gate (`harness/gate/questions.py`).
        confidence: Confidence level of one interim analysis.
    """

    questions: Sequence[GateQuestion]
    confidence: float

    def answers(self, measurements: Iterable[Measurement]) -> list[GateCheck]:
        """Return one answer per question, in the order of the questions."""
        all_rows = list(measurements)
        rows = [_rows(question, all_rows) for question in self.questions]
        pairs = list(zip(self.questions, rows, strict=True))
        estimates = [self._find(question, selected) for question, selected in pairs]
        # Estimates without the newest batch: a batch must not confirm a suspicion that it raised itself.
        before = [
            self._find(question, {key: _earlier(row) for key, row in selected.items()})
            if _batches(selected) > 1
            else None
            for question, selected in pairs
        ]
        beyond, suspected = self._beyond(estimates), self._beyond(before)
        verdicts = map(self._verdict, self.questions, rows, estimates, beyond, suspected)
        return list(map(self._answer, self.questions, rows, estimates, verdicts))

    def _find(self, question: GateQuestion, rows: Rows) -> RatioEstimate | None:
        """Return the estimate for a question; None if its rows are incomplete, or it cannot be calculated."""
        return question.find(rows, self.confidence) if question.figures <= rows.keys() else None

    def _beyond(self, estimates: Sequence[RatioEstimate | None]) -> list[bool]:
        """Return for each estimate whether it is beyond its limit, Holm-adjusted over all with verdicts."""
        judged = [i for i, question in enumerate(self.questions) if question.judged]
        adjusted = dict(zip(judged, holm([_p_value(estimates[i]) for i in judged]), strict=True))
        return [adjusted.get(i, 1.0) < 1 - self.confidence for i in range(len(estimates))]

    def undecided(self, builder: ResultBuilder) -> Pending:
        """Return the scenarios and arms that a further batch has to measure."""
        answers = zip(self.questions, self.answers(builder.measurements), strict=True)
        pending = [question for question, answer in answers if answer.answer == "inconclusive"]
        arms = frozenset(arm for question in pending for arm in question.arms)
        return Pending(frozenset(question.scenario for question in pending), arms)

    def _answer(
        self, question: GateQuestion, rows: Rows, estimate: RatioEstimate | None, verdict: _Verdict
    ) -> GateCheck:
        scenario, load, params = question.about
        answer, detail = verdict
        value, interval = (None, None) if estimate is None else _shown(question, estimate, self.confidence)
        return GateCheck(
            kind=question.kind,
            scenario=scenario,
            load=load,
            params=dict(params),
            subject=question.subject,
            metric=question.metric,
            is_ratio=question.is_ratio,
            value=value,
            sides=None if estimate is None else estimate.sides,
            unit="" if estimate is None else estimate.unit,
            bound=question.bound,
            limit=None if estimate is None else estimate.limit,
            ci=interval,
            noise_floor=None if estimate is None else estimate.noise_floor,
            batches=_batches(rows),
            answer=answer,
            detail=detail,
        )

    def _verdict(
        self,
        question: GateQuestion,
        rows: Rows,
        estimate: RatioEstimate | None,
        beyond: bool,
        suspected: bool,
    ) -> _Verdict:
        if not question.judged:
            return "not judged", question.detail
        if estimate is None:
            return "inconclusive", "not measured, or not calculable from the measurements"
        low, high = estimate.excess.interval(self.confidence)
        rounding = _ROUNDING * max(1.0, abs(estimate.limit))
        if high <= rounding:
            return "pass", question.detail
        if not beyond:
            side = (
                "on both sides of the limit"
                if low <= 0
                else "beyond the limit, but not after adjustment for the number of figures"
            )
            return "inconclusive", f"the interval lies {side}"
        if all(row.instances == 1 for row in rows.values()):
            return "regression", "an exact count, so there is nothing to confirm"
        if not suspected:
            return "inconclusive", "beyond the limit; to be confirmed on fresh servers"
        newest = self._find(question, {key: _newest(row) for key, row in rows.items()})
        if newest is None or newest.excess.interval(self.confidence)[0] <= 0:
            return "inconclusive", "beyond the limit, but the newest servers alone do not confirm it"
        return "regression", "confirmed on fresh servers"


def unanswered(rows: Iterable[GateCheck]) -> list[GateCheck]:
    """Return the rows with their verdicts removed, because the measurement is invalid."""
    return [
        row.model_copy(update={"answer": "not judged", "detail": "the measurement is invalid"})
        for row in rows
    ]


def _rows(question: GateQuestion, measurements: Iterable[Measurement]) -> Rows:
    rows = rows_about(question.about, measurements)
    return {key: row for key, row in rows.items() if key in question.figures}


def _p_value(estimate: RatioEstimate | None) -> float:
    return estimate.excess.p_value(0) if estimate is not None and estimate.excess.value > 0 else 1.0


def _batches(rows: Rows) -> int:
    """Return the number of batches with all arms of a question.

    Metrics that are counted once per arm do not limit it, unless there are no others.
    """
    several = [row for row in rows.values() if row.instances > 1] or list(rows.values())
    return min((sum(1 for points in row.by_batch() if points) for row in several), default=0)


def _earlier(row: Measurement) -> Measurement:
    """Return the measurement without its newest batch that includes the arm."""
    batches = row.by_batch()
    last = max(i for i, points in enumerate(batches) if points)
    kept = [[] if i == last else points for i, points in enumerate(batches)]
    points = [point for batch in kept for point in batch]
    if not points:  # counted once per arm, in one batch
        return row
    counts = [len(batch) for batch in kept]
    return row.model_copy(update={"points": points, "batches": counts, "instances": len(points)})


def _newest(row: Measurement) -> Measurement:
    """Return the measurement of only the newest batch that includes the arm."""
    points = [points for points in row.by_batch() if points][-1]
    return row.model_copy(update={"points": points, "batches": [], "instances": len(points)})


def _shown(
    question: GateQuestion, estimate: RatioEstimate, confidence: float
) -> tuple[float, tuple[float, float]]:
    """Return the value that a question is about and its interval, from the excess over the limit."""
    limit = estimate.limit
    if question.is_ratio:
        value, low, high = estimate.excess.ratio(confidence)
        return limit * value, (limit * low, limit * high)
    low, high = estimate.excess.interval(confidence)
    if question.bound == ">=":
        return limit - estimate.excess.value, (limit - high, limit - low)
    return limit + estimate.excess.value, (limit + low, limit + high)
