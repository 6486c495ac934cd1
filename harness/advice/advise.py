"""From a result and a question to the answer. Pure."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.advice import held_back, levels, model, notes, revocation
from harness.advice.answer import Advice, Column, Quantity, SchemeRow
from harness.advice.model import NotMeasuredError, Predicted
from harness.advice.question import Question
from harness.arms import Scheme
from harness.estimate import split, stratified_ratio, weighted_sum
from harness.report.case import FLOOR
from harness.result import Result

_BITS: Final = 8
_MICRO: Final = 1e-6


def advise(result: Result, question: Question, schemes: Mapping[str, Scheme]) -> Advice:
    """Say what each scheme of a result would cost.

    Args:
        result: What was measured; a valid one.
        question: What is asked.
        schemes: What servers declare, by the scheme's name; an arm may be a scheme at a revision.
    """
    known = {arm: schemes.get(arm.partition("@")[0]) for arm in result.arms()}
    reference = _reference(result, known)
    rows = [_row(result, question, arm, about, reference) for arm, about in known.items() if arm != FLOOR]
    rows.sort(key=_by_demand_then_cost)
    best = next((row.scheme for row in rows if row.meets and row.cpu), None)
    return Advice(
        question=question,
        run=result.run.id,
        suite=result.run.suite,
        confidence=result.run.confidence,
        reference=reference,
        best=best,
        schemes=[_held_against(row, best, result, question) for row in rows],
        held_back=held_back.errors(result),
        notes=notes.notes(result, question, rows),
    )


def _reference(result: Result, known: Mapping[str, Scheme | None]) -> str | None:
    """What latency is added to: the floor, else the first scheme that asks the store nothing on a read."""
    asking_nothing = [arm for arm, about in known.items() if about is not None and about.store == "none"]
    candidates = sorted(asking_nothing, key=lambda arm: arm != FLOOR)
    return next((arm for arm in candidates if levels.latency(result, arm) is not None), None)


def _row(
    result: Result, question: Question, arm: str, about: Scheme | None, reference: str | None
) -> SchemeRow:
    makers: dict[Column, Callable[[], Quantity]] = {
        "latency": lambda: _quantity(model.latency(result, arm, question.store_rtt_us)),
        "added_latency": lambda: _added(result, question, arm, reference),
        "cpu": lambda: _per_second(result, question, arm, "total_cpu", _MICRO),
        "store_share": lambda: _store_share(result, question, arm),
        "store_ops": lambda: _per_second(result, question, arm, "store_ops", 1),
        "store_memory": lambda: _quantity(
            model.memory(result, arm, question.sessions, question.profile_bytes)
        ),
        "bandwidth_up": lambda: _per_second(result, question, arm, "request_bytes", _BITS),
    }
    found: dict[Column, Quantity] = {}
    missing: dict[Column, str] = {}
    for column, make in makers.items():
        try:
            found[column] = make()
        except NotMeasuredError as error:
            missing[column] = str(error)
    block = None if about is None else revocation.after_block(about)
    return SchemeRow(
        scheme=arm,
        meets=_meets(block, question),
        after_block=block,
        after_logout=None if about is None else revocation.after_logout(about),
        missing=missing,
        **found,
    )


def _meets(block: revocation.Window | None, question: Question) -> bool | None:
    if question.revoke_within_s is None:
        return True
    return None if block is None else block.meets(question.revoke_within_s)


def _added(result: Result, question: Question, arm: str, reference: str | None) -> Quantity:
    own = model.latency(result, arm, question.store_rtt_us)
    if reference is None:
        raise NotMeasuredError("no scheme that asks the store nothing was measured at a distance")
    base = model.latency(result, reference, question.store_rtt_us)
    groups = [*_weighted(own, 1), *_weighted(base, -1)]
    ci = None
    if arm != reference and min(len(points) for _, points in groups) > 1:
        ci = weighted_sum(groups).interval(result.run.confidence)
    return Quantity(value=own.value - base.value, ci=ci, extrapolated=own.extrapolated)


def _weighted(predicted: Predicted, sign: float) -> list[tuple[float, Sequence[float]]]:
    """Each batch of instances, with its share of the mean."""
    everyone = len(predicted.points)
    batches = split(predicted.points, predicted.batches)
    return [(sign * len(points) / everyone, points) for points in batches]


def _per_second(result: Result, question: Question, arm: str, metric: str, factor: float) -> Quantity:
    each = model.per_read(result, arm, metric, question.profile_bytes)
    return _quantity(each.times(question.rate * factor))


def _store_share(result: Result, question: Question, arm: str) -> Quantity:
    store, total = (
        model.per_read(result, arm, metric, question.profile_bytes) for metric in ("store_cpu", "total_cpu")
    )
    return Quantity(value=store.value / total.value, ci=None, extrapolated=total.extrapolated)


def _quantity(predicted: Predicted) -> Quantity:
    return Quantity(value=predicted.value, ci=predicted.ci, extrapolated=predicted.extrapolated)


def _by_demand_then_cost(row: SchemeRow) -> tuple[int, float]:
    """Those that meet the demand, then those of which that is not known; the cheaper before the dearer."""
    demand = {True: 0, None: 1, False: 2}[row.meets]
    return demand, row.cpu.value if row.cpu else math.inf


def _held_against(row: SchemeRow, best: str | None, result: Result, question: Question) -> SchemeRow:
    """The same with its CPU and latency held against those of the best."""
    if best is None or row.scheme == best:
        return row
    update: dict[str, Quantity] = {}
    with contextlib.suppress(NotMeasuredError):
        base, arm = (
            model.per_read(result, scheme, "total_cpu", question.profile_bytes)
            for scheme in (best, row.scheme)
        )
        update["cpu_over_best"] = _ratio(base, arm, result.run.confidence)
    with contextlib.suppress(NotMeasuredError):
        update["latency_beyond_best"] = _added(result, question, row.scheme, best)
    return row.model_copy(update=update)


def _ratio(base: Predicted, arm: Predicted, confidence: float) -> Quantity:
    """CPU over CPU, batch by batch where both were in the same."""
    pairs = [(base.points, arm.points)]
    if list(base.batches) == list(arm.batches):
        pairs = list(zip(split(base.points, base.batches), split(arm.points, arm.batches), strict=True))
    if min(len(group) for pair in pairs for group in pair) < 2 or min(*base.points, *arm.points) <= 0:
        return Quantity(value=arm.value / base.value, ci=None)
    one = stratified_ratio(pairs, confidence)
    return Quantity(value=one.value, ci=(one.low, one.high), extrapolated=base.extrapolated)
