"""Estimates the costs of schemes from a result. Pure."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import split, stratified_ratio, weighted_sum
from harness.results.model import Result
from harness.studies.advice import model, notes, revocation
from harness.studies.advice.answer import Advice, Column, EstimatedQuantity, SchemeRow
from harness.studies.advice.model import NotMeasuredError, Predicted
from harness.studies.advice.question import AdviceQuestion
from harness.suites.arms import FLOOR, SchemeEntry

_BITS: Final = 8
_MICRO: Final = 1e-6


def advise(result: Result, question: AdviceQuestion, schemes: Mapping[str, SchemeEntry]) -> Advice:
    """Return the estimated cost of each scheme of a result.

    Args:
        result: A valid result.
        question: Conditions to estimate for.
        schemes: Declarations of servers, by scheme name; an arm may be a scheme at a revision.
    """
    known = {arm: schemes.get(arm.partition("@")[0]) for arm in result.arms()}
    builder = _RowBuilder(result, question, known)
    rows = sorted(map(builder.row, (arm for arm in known if arm != FLOOR)), key=_by_deadline_then_cost)
    best = next((row.scheme for row in rows if row.meets and row.cpu), None)
    return Advice(
        question=question,
        run=result.run.id,
        suite=result.run.suite,
        confidence=result.run.confidence,
        reference=builder.reference,
        best=best,
        schemes=[row if best in (None, row.scheme) else builder.compared(row, best) for row in rows],
        held_back=model.errors(result),
        notes=notes.notes(result, question, rows),
    )


def _by_deadline_then_cost(row: SchemeRow) -> tuple[int, float]:
    """Return the sort key: schemes that meet the deadline, then unknown ones; the least CPU first."""
    deadline = {True: 0, None: 1, False: 2}[row.meets]
    return deadline, row.cpu.value if row.cpu else math.inf


class _RowBuilder:
    """Builder of the rows of an answer, scheme by scheme.

    Attributes:
        reference: Scheme that added latency is relative to: the no-auth server, else the first scheme
            without store queries on reads, among those that were measured over store round trips.
    """

    def __init__(
        self, result: Result, question: AdviceQuestion, known: Mapping[str, SchemeEntry | None]
    ) -> None:
        self._result = result
        self._question = question
        self._known = known
        storeless = (arm for arm, scheme in known.items() if scheme is not None and scheme.store == "none")
        floor_first = sorted(storeless, key=lambda arm: arm != FLOOR)
        self.reference = next((arm for arm in floor_first if sweeps.latency(result, arm) is not None), None)

    def row(self, arm: str) -> SchemeRow:
        """Return the costs of a scheme."""
        question, payload = self._question, self._question.profile_bytes
        predictions: dict[Column, Callable[[], Predicted]] = {
            "latency": lambda: self._latency(arm),
            "added_latency": lambda: self._added(arm, self.reference),
            "cpu": lambda: self._cores(arm),
            "store_share": lambda: self._store_share(arm),
            "store_ops": lambda: self._per_second(arm, "store_ops"),
            "store_memory": lambda: model.memory(self._result, arm, question.sessions, payload),
            "bandwidth_up": lambda: self._per_second(arm, "request_bytes").times(_BITS),
        }
        quantities: dict[Column, EstimatedQuantity] = {}
        missing: dict[Column, str] = {}
        unfit = model.unfit(self._result, arm, payload)
        for column, predict in predictions.items():
            try:
                if unfit:
                    raise NotMeasuredError(unfit)
                quantities[column] = _quantity(predict())
            except NotMeasuredError as error:
                missing[column] = str(error)
        scheme, within_s = self._known[arm], question.revoke_within_s
        block = revocation.valid_after("block", scheme, within_s)
        meets = True if within_s is None else None if block is None else block.meets(within_s)
        return SchemeRow(
            scheme=arm,
            meets=meets,
            after_block=block,
            after_logout=revocation.valid_after("logout", scheme, within_s),
            renewed_every_s=self._renewed_every_s(arm),
            unfit=unfit,
            missing=missing,
            **quantities,
        )

    def compared(self, row: SchemeRow, best: str) -> SchemeRow:
        """Return the row with its CPU and latency compared with those of the best scheme."""
        if row.unfit:
            return row
        update: dict[str, EstimatedQuantity] = {}
        with contextlib.suppress(NotMeasuredError):
            base, cores = self._cores(best), self._cores(row.scheme)
            update["cpu_over_best"] = _quantity(_ratio(base, cores, self._result.run.confidence))
        with contextlib.suppress(NotMeasuredError):
            update["latency_beyond_best"] = _quantity(self._added(row.scheme, best))
        return row.model_copy(update=update)

    def _latency(self, arm: str) -> Predicted:
        return model.latency(self._result, arm, self._question.store_rtt_us)

    def _added(self, arm: str, base: str | None) -> Predicted:
        latency = self._latency(arm)
        if base is None:
            raise NotMeasuredError("no scheme without store queries was measured over store round trips")
        reference = self._latency(base)
        groups = [*_weighted(latency, 1), *_weighted(reference, -1)]
        ci = None
        if arm != base and min(len(points) for _, points in groups) > 1:
            ci = weighted_sum(groups).interval(self._result.run.confidence)
        return Predicted(latency.value - reference.value, ci, extrapolated=latency.extrapolated)

    def _cores(self, arm: str) -> Predicted:
        return self._per_second(arm, "total_cpu").times(_MICRO)

    def _per_second(self, arm: str, metric: str) -> Predicted:
        """Return a metric for all reads of a second and the refreshes that they need."""
        question = self._question
        reads = model.per_read(self._result, arm, metric, question.profile_bytes).times(question.rate)
        every_s = self._renewed_every_s(arm)
        if every_s is None:
            return reads
        refreshes = model.per_refresh(self._result, arm, metric).times(question.refreshes(every_s))
        return reads.plus(refreshes, self._result.run.confidence)

    def _renewed_every_s(self, arm: str) -> float | None:
        return revocation.renewed_every_s(self._known[arm], self._question.revoke_within_s)

    def _store_share(self, arm: str) -> Predicted:
        store, total = self._per_second(arm, "store_cpu"), self._per_second(arm, "total_cpu")
        return Predicted(store.value / total.value, None, extrapolated=total.extrapolated)


def _weighted(predicted: Predicted, sign: float) -> list[tuple[float, Sequence[float]]]:
    """Return the batches of instances, each with its share of the mean."""
    count, batches = len(predicted.points), split(predicted.points, predicted.batches)
    return [(sign * len(points) / count, points) for points in batches]


def _quantity(predicted: Predicted) -> EstimatedQuantity:
    return EstimatedQuantity(value=predicted.value, ci=predicted.ci, extrapolated=predicted.extrapolated)


def _ratio(base: Predicted, arm: Predicted, confidence: float) -> Predicted:
    """Return arm over base, batch by batch if both have the same batches."""
    pairs = [(base.points, arm.points)]
    if list(base.batches) == list(arm.batches):
        pairs = list(zip(split(base.points, base.batches), split(arm.points, arm.batches), strict=True))
    extrapolated = base.extrapolated or arm.extrapolated
    if min(len(group) for pair in pairs for group in pair) < 2 or min(*base.points, *arm.points) <= 0:
        return Predicted(arm.value / base.value, None, extrapolated=extrapolated)
    ratio = stratified_ratio(pairs, confidence)
    return Predicted(ratio.value, ratio.ci, extrapolated=extrapolated)
