"""The answers: pass, regression, or inconclusive. Pure.

A figure passes when its interval lies wholly within its limit. It is a regression when the interval, after
Holm's adjustment over everything that is gated, lies wholly beyond, did so already without the newest fresh
instances, and these say the same by themselves. Until either is so, it is inconclusive, and further instances
are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.stats.sequential import Pending
from harness.analysis.stats.verdict import holm
from harness.gate.questions import GateQuestion, RatioEstimate, Rows
from harness.measure.result_builder import ResultBuilder
from harness.results.base import Interval
from harness.results.gate import GateCheck, GateVerdict
from harness.results.model import Measurement

#: What rounding may add to a figure that is counted.
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Judge:
    """Answers questions from what a run has measured so far.

    Attributes:
        questions: What is asked.
        confidence: Of one look.
    """

    questions: Sequence[GateQuestion]
    confidence: float

    def answers(self, measurements: Iterable[Measurement]) -> list[GateCheck]:
        """One answer a question, in their order."""
        every = list(measurements)
        rows = [_rows(question, every) for question in self.questions]
        found = [q.find(own, self.confidence) for q, own in zip(self.questions, rows, strict=True)]
        beyond = self._beyond(found)
        # What was known before the newest servers: these confirm a suspicion, and cannot raise it as well.
        before = [
            q.find({key: _earlier(row) for key, row in own.items()}, self.confidence)
            if _batches(own) > 1
            else None
            for q, own in zip(self.questions, rows, strict=True)
        ]
        suspected = self._beyond(before)
        return [
            self._answer(question, found[i], rows[i], beyond=beyond[i], suspected=suspected[i])
            for i, question in enumerate(self.questions)
        ]

    def _beyond(self, found: Sequence[RatioEstimate | None]) -> list[bool]:
        """Whether each lies wholly beyond its limit, by Holm's adjustment over all that is judged."""
        judged = [i for i, question in enumerate(self.questions) if question.judged]
        adjusted = dict(zip(judged, holm([_p_value(found[i]) for i in judged]), strict=True))
        return [adjusted.get(i, 1.0) < 1 - self.confidence for i in range(len(found))]

    def undecided(self, findings: ResultBuilder) -> Pending:
        """The scenarios and arms that a further batch has to measure."""
        answers = zip(self.questions, self.answers(findings.measurements), strict=True)
        left = [question for question, answer in answers if answer.answer == "inconclusive"]
        arms = frozenset(arm for question in left for arm in question.arms)
        return Pending(frozenset(question.scenario for question in left), arms)

    def _answer(
        self,
        question: GateQuestion,
        finding: RatioEstimate | None,
        rows: Rows,
        *,
        beyond: bool,
        suspected: bool,
    ) -> GateCheck:
        scenario, load, params = question.about
        value: float | None = None
        interval: Interval = None
        if finding is not None:
            value, interval = _shown(question, finding, self.confidence)
        batches = _batches(rows)
        answer, detail = self._judged(question, finding, rows, beyond=beyond, suspected=suspected)
        return GateCheck(
            kind=question.kind,
            scenario=scenario,
            load=load,
            params=dict(params),
            subject=question.subject,
            metric=question.metric,
            is_ratio=question.is_ratio,
            value=value,
            sides=None if finding is None else finding.sides,
            unit="" if finding is None else finding.unit,
            bound=question.bound,
            limit=None if finding is None else finding.limit,
            ci=interval,
            noise_floor=None if finding is None else finding.noise_floor,
            batches=batches,
            answer=answer,
            detail=detail,
        )

    def _judged(
        self,
        question: GateQuestion,
        finding: RatioEstimate | None,
        rows: Rows,
        *,
        beyond: bool,
        suspected: bool,
    ) -> tuple[GateVerdict, str]:
        if not question.judged:
            return "not judged", question.detail
        if finding is None:
            return "inconclusive", "not measured, or not to be reckoned from what was"
        excess = finding.excess
        low, high = excess.interval(self.confidence)
        room = _ROUNDING * max(1.0, abs(finding.limit))
        if high <= room:
            return "pass", question.detail
        if not beyond:
            side = "on both sides of the limit" if low <= 0 else "beyond the limit, but not among so many"
            return "inconclusive", f"the interval lies {side}"
        if all(row.instances == 1 for row in rows.values()):
            return "regression", "counted once an arm, so there is nothing to confirm"
        if not suspected:
            return "inconclusive", "beyond the limit; to be confirmed on fresh servers"
        if not self._confirmed(question, rows):
            return "inconclusive", "beyond the limit, but the newest servers by themselves do not confirm it"
        return "regression", "confirmed on fresh servers"

    def _confirmed(self, question: GateQuestion, rows: Rows) -> bool:
        newest = question.find({key: _newest(row) for key, row in rows.items()}, self.confidence)
        return newest is not None and newest.excess.interval(self.confidence)[0] > 0


def unanswered(rows: Iterable[GateCheck]) -> list[GateCheck]:
    """The rows of a measurement that must not be believed: none has an answer, wherever it is told."""
    return [
        row.model_copy(update={"answer": "not judged", "detail": "the measurement is invalid"})
        for row in rows
    ]


def _rows(question: GateQuestion, measurements: Iterable[Measurement]) -> Rows:
    return {
        (row.arm, row.metric): row
        for row in measurements
        if (row.arm, row.metric) in question.figures
        and (row.scenario, row.load, row.params) == question.about
    }


def _p_value(finding: RatioEstimate | None) -> float:
    return finding.excess.p_value(0) if finding is not None and finding.excess.value > 0 else 1.0


def _batches(rows: Rows) -> int:
    """In how many batches all arms of a question were; what is counted once an arm has no batches."""
    several = [row for row in rows.values() if row.instances > 1] or list(rows.values())
    return min((sum(1 for points in row.by_batch() if points) for row in several), default=0)


def _earlier(row: Measurement) -> Measurement:
    """All but what the last batch that it was in says."""
    batches = row.by_batch()
    last = max(i for i, points in enumerate(batches) if points)
    kept = [[] if i == last else points for i, points in enumerate(batches)]
    points = [point for batch in kept for point in batch]
    if not points:  # counted once an arm, in one batch
        return row
    counts = [len(batch) for batch in kept]
    return row.model_copy(update={"points": points, "batches": counts, "instances": len(points)})


def _newest(row: Measurement) -> Measurement:
    """Only what the last batch that it was in says."""
    points = [points for points in row.by_batch() if points][-1]
    return row.model_copy(update={"points": points, "batches": [], "instances": len(points)})


def _shown(
    question: GateQuestion, finding: RatioEstimate, confidence: float
) -> tuple[float, tuple[float, float]]:
    """The figure and its interval, from its excess over the limit."""
    limit = finding.limit
    if question.is_ratio:
        value, low, high = finding.excess.ratio(confidence)
        return limit * value, (limit * low, limit * high)
    low, high = finding.excess.interval(confidence)
    if question.bound == ">=":
        return limit - finding.excess.value, (limit - high, limit - low)
    return limit + finding.excess.value, (limit + low, limit + high)
