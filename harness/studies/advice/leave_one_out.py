"""Leave-one-out errors of the model: each level is predicted from all others. Pure."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Final

from harness.analysis.stats import sweeps
from harness.analysis.stats.linear_fit import LeftOut, LinearFit
from harness.results.model import Result
from harness.studies.advice.answer import HeldBackError

#: Predicted quantity, quantity on the axis, and the fit of a scheme.
_KINDS: Final[tuple[tuple[str, str, Callable[[Result, str], LinearFit | None]], ...]] = (
    ("median service time", "store round trip, µs", sweeps.latency),
    (
        "CPU per read",
        "payload, B",
        lambda result, scheme: sweeps.by_profile(result, scheme, "total_cpu"),
    ),
    (
        "request size",
        "payload, B",
        lambda result, scheme: sweeps.by_profile(result, scheme, "request_bytes"),
    ),
    ("store memory per session", "payload, B", sweeps.memory_by_profile),
    ("store memory", "sessions", sweeps.memory_by_sessions),
)


def errors(result: Result) -> list[HeldBackError]:
    """Return a row per quantity with three or more levels; values of zero have no relative error."""
    rows = []
    for quantity, over, fit_of in _KINDS:
        predicted: list[tuple[str, LeftOut]] = []
        for scheme in result.arms():
            fit = fit_of(result, scheme)
            predicted += [(scheme, level) for level in (fit.held_back() if fit else []) if level.measured]
        if predicted:
            rows.append(_summary(quantity, over, predicted))
    return rows


def _summary(quantity: str, over: str, predicted: list[tuple[str, LeftOut]]) -> HeldBackError:
    scheme, worst = max(predicted, key=lambda pair: pair[1].error)
    return HeldBackError(
        quantity=quantity,
        over=over,
        foretold=len(predicted),
        median=median(level.error for _, level in predicted),
        largest=worst.error,
        largest_scheme=scheme,
        largest_at=worst.at,
    )
