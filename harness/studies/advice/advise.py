"""From a result and a question to the answer. Pure."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import split, stratified_ratio, weighted_sum
from harness.results.model import Result
from harness.studies.advice import leave_one_out, model, notes, revocation
from harness.studies.advice.answer import Advice, Column, EstimatedQuantity, SchemeRow
from harness.studies.advice.model import NotMeasuredError, Predicted
from harness.studies.advice.question import AdviceQuestion
from harness.suites.arms import FLOOR, SchemeEntry

_BITS: Final = 8
_MICRO: Final = 1e-6


def advise(result: Result, question: AdviceQuestion, schemes: Mapping[str, SchemeEntry]) -> Advice:
    """Say what each scheme of a result would cost.

    Args:
        result: What was measured; a valid one.
        question: What is asked.
        schemes: What servers declare, by the scheme's name; an arm may be a scheme at a revision.
    """
    known = {arm: schemes.get(arm.partition("@")[0]) for arm in result.arms()}
    reckoner = _Reckoner(result, question, known)
    rows = sorted(map(reckoner.row, (arm for arm in known if arm != FLOOR)), key=_by_demand_then_cost)
    best = next((row.scheme for row in rows if row.meets and row.cpu), None)
    return Advice(
        question=question,
        run=result.run.id,
        suite=result.run.suite,
        confidence=result.run.confidence,
        reference=reckoner.reference,
        best=best,
        schemes=[row if best in (None, row.scheme) else reckoner.beside(row, best) for row in rows],
        held_back=leave_one_out.errors(result),
        notes=notes.notes(result, question, rows),
    )


def _by_demand_then_cost(row: SchemeRow) -> tuple[int, float]:
    """Those that meet the demand, then those of which that is not known; the cheaper before the dearer."""
    demand = {True: 0, None: 1, False: 2}[row.meets]
    return demand, row.cpu.value if row.cpu else math.inf


class _Reckoner:
    """Rows of an answer, scheme by scheme.

    Attributes:
        reference: What latency is added to: the floor, else the first scheme whose reads ask the store
            nothing, among those that were measured at a distance.
    """

    def __init__(
        self, result: Result, question: AdviceQuestion, known: Mapping[str, SchemeEntry | None]
    ) -> None:
        self._result = result
        self._question = question
        self._known = known
        alone = (arm for arm, about in known.items() if about is not None and about.store == "none")
        by_floor = sorted(alone, key=lambda arm: arm != FLOOR)
        self.reference = next((arm for arm in by_floor if sweeps.latency(result, arm) is not None), None)

    def row(self, arm: str) -> SchemeRow:
        """What a scheme costs by itself."""
        makers: dict[Column, Callable[[], EstimatedQuantity]] = {
            "latency": lambda: _quantity(self._latency(arm)),
            "added_latency": lambda: self._added(arm, self.reference),
            "cpu": lambda: _quantity(self._cores(arm)),
            "store_share": lambda: self._store_share(arm),
            "store_ops": lambda: _quantity(self._per_second(arm, "store_ops")),
            "store_memory": lambda: self._memory(arm),
            "bandwidth_up": lambda: _quantity(self._per_second(arm, "request_bytes").times(_BITS)),
        }
        found: dict[Column, EstimatedQuantity] = {}
        missing: dict[Column, str] = {}
        unfit = model.unfit(self._result, arm, self._question.profile_bytes)
        for column, make in makers.items():
            try:
                if unfit:
                    raise NotMeasuredError(unfit)
                found[column] = make()
            except NotMeasuredError as error:
                missing[column] = str(error)
        about, within_s = self._known[arm], self._question.revoke_within_s
        block = None if about is None else revocation.after_block(about, within_s)
        meets = True if within_s is None else None if block is None else block.meets(within_s)
        return SchemeRow(
            scheme=arm,
            meets=meets,
            after_block=block,
            after_logout=None if about is None else revocation.after_logout(about, within_s),
            renewed_every_s=self._renewed_every_s(arm),
            unfit=unfit,
            missing=missing,
            **found,
        )

    def beside(self, row: SchemeRow, best: str) -> SchemeRow:
        """The same with its CPU and latency held against those of the best."""
        if row.unfit:
            return row
        update: dict[str, EstimatedQuantity] = {}
        with contextlib.suppress(NotMeasuredError):
            base, own = self._cores(best), self._cores(row.scheme)
            update["cpu_over_best"] = _ratio(base, own, self._result.run.confidence)
        with contextlib.suppress(NotMeasuredError):
            update["latency_beyond_best"] = self._added(row.scheme, best)
        return row.model_copy(update=update)

    def _latency(self, arm: str) -> Predicted:
        return model.latency(self._result, arm, self._question.store_rtt_us)

    def _added(self, arm: str, base: str | None) -> EstimatedQuantity:
        own = self._latency(arm)
        if base is None:
            raise NotMeasuredError("no scheme that asks the store nothing was measured at a distance")
        other = self._latency(base)
        groups = [*_weighted(own, 1), *_weighted(other, -1)]
        ci = None
        if arm != base and min(len(points) for _, points in groups) > 1:
            ci = weighted_sum(groups).interval(self._result.run.confidence)
        return EstimatedQuantity(value=own.value - other.value, ci=ci, extrapolated=own.extrapolated)

    def _cores(self, arm: str) -> Predicted:
        return self._per_second(arm, "total_cpu").times(_MICRO)

    def _per_second(self, arm: str, metric: str) -> Predicted:
        """What all reads of a second take, and the refreshes that they need."""
        question = self._question
        reads = model.per_read(self._result, arm, metric, question.profile_bytes).times(question.rate)
        every_s = self._renewed_every_s(arm)
        if every_s is None:
            return reads
        refreshes = model.per_refresh(self._result, arm, metric).times(question.refreshes(every_s))
        return reads.plus(refreshes, self._result.run.confidence)

    def _renewed_every_s(self, arm: str) -> float | None:
        about = self._known[arm]
        return None if about is None else revocation.renewed_every_s(about, self._question.revoke_within_s)

    def _store_share(self, arm: str) -> EstimatedQuantity:
        store, total = self._per_second(arm, "store_cpu"), self._per_second(arm, "total_cpu")
        return EstimatedQuantity(value=store.value / total.value, ci=None, extrapolated=total.extrapolated)

    def _memory(self, arm: str) -> EstimatedQuantity:
        question = self._question
        return _quantity(model.memory(self._result, arm, question.sessions, question.profile_bytes))


def _weighted(predicted: Predicted, sign: float) -> list[tuple[float, Sequence[float]]]:
    """Each batch of instances, with its share of the mean."""
    everyone = len(predicted.points)
    batches = split(predicted.points, predicted.batches)
    return [(sign * len(points) / everyone, points) for points in batches]


def _quantity(predicted: Predicted) -> EstimatedQuantity:
    return EstimatedQuantity(value=predicted.value, ci=predicted.ci, extrapolated=predicted.extrapolated)


def _ratio(base: Predicted, arm: Predicted, confidence: float) -> EstimatedQuantity:
    """One over the other, batch by batch where both were in the same."""
    pairs = [(base.points, arm.points)]
    if list(base.batches) == list(arm.batches):
        pairs = list(zip(split(base.points, base.batches), split(arm.points, arm.batches), strict=True))
    extrapolated = base.extrapolated or arm.extrapolated
    if min(len(group) for pair in pairs for group in pair) < 2 or min(*base.points, *arm.points) <= 0:
        return EstimatedQuantity(value=arm.value / base.value, ci=None, extrapolated=extrapolated)
    one = stratified_ratio(pairs, confidence)
    return EstimatedQuantity(value=one.value, ci=(one.low, one.high), extrapolated=extrapolated)
