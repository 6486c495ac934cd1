"""Cost model of a scheme's reads: measured rows, and straight lines fitted to them. Pure.

    latency(rtt)     = l0 + l1 * rtt            scenario distance, service_p50 over store_rtt
    cpu(profile)     = c0 + c1 * profile        scenario payload, total_cpu over profile_bytes
    bytes(profile)   = b0 + b1 * profile        scenario payload, request_bytes over profile_bytes
    memory(sessions) = m0 + m1 * sessions       scenario population, store_memory over sessions

Without a payload length, CPU, operations and bytes are those measured in scenario saturation; the additional
cost of short-lived tokens is that of scenario refresh, times the refreshes. No term is guessed: if its rows
are missing, the error names the scenario (docs/advice.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from statistics import median
from typing import Final

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import mean
from harness.analysis.stats.linear_fit import LinearFit
from harness.results.base import Interval
from harness.results.model import Measurement, Result
from harness.studies.advice.answer import HeldBackError

READS: Final = "saturation"
REFRESHES: Final = "refresh"
_NOT_BY_PAYLOAD: Final = f"not measured by payload length (scenario {sweeps.PAYLOAD})"


class NotMeasuredError(Exception):
    """The result has no rows for a quantity; the message names the missing ones."""


@dataclass(frozen=True)
class Predicted:
    """Prediction of the model for one scheme.

    Attributes:
        value: Predicted value.
        ci: Confidence interval; None for metrics counted once per arm.
        points: Predictions of the instances; empty for a comparison of two predictions.
        batches: Number of points of each batch, as `Measurement.batches`.
        extrapolated: Whether the prediction lies outside the measured range.
    """

    value: float
    ci: Interval
    points: Sequence[float] = ()
    batches: Sequence[int] = ()
    extrapolated: bool = False

    def times(self, factor: float) -> Predicted:
        """Return the prediction multiplied by a factor."""
        ci = None if self.ci is None else (factor * self.ci[0], factor * self.ci[1])
        points = [factor * point for point in self.points]
        return replace(self, value=factor * self.value, ci=ci, points=points)

    def plus(self, other: Predicted, confidence: float) -> Predicted:
        """Return the sum of both, instance by instance, of the instances that both have."""
        points = [point + added for point, added in zip(self.points, other.points, strict=False)]
        batches = min(self.batches, other.batches, key=sum)
        return _mean(points, batches, confidence, extrapolated=self.extrapolated or other.extrapolated)


def unfit(result: Result, scheme: str, profile_bytes: int | None) -> str:
    """Return why servers of a scheme cannot serve payloads of this length; empty if they can."""
    longest = sweeps.longest_profile(result, scheme)
    if profile_bytes is None or longest is None or profile_bytes <= longest:
        return ""
    return f"its credential would be too long for a header: the longest payload is {longest:,} bytes"


def latency(result: Result, scheme: str, store_rtt_us: float) -> Predicted:
    """Return the median service time of a read in µs, at this store round trip.

    Raises:
        NotMeasuredError: It was measured at fewer than two round trips.
    """
    reason = f"not measured at two store round trips (scenario {sweeps.DISTANCE})"
    return _on(sweeps.latency(result, scheme), store_rtt_us, result, reason)


def per_read(result: Result, scheme: str, metric: str, profile_bytes: int | None) -> Predicted:
    """Return a metric of a read, in the metric's unit.

    Raises:
        NotMeasuredError: Reads, or reads with payloads of a set length, were not measured.
    """
    line = sweeps.by_profile(result, scheme, metric)
    if profile_bytes is not None:
        return _on(line, profile_bytes, result, _NOT_BY_PAYLOAD)
    hint = "" if line is None else ", but by payload length: use --profile-bytes"
    rows = sweeps.rows(result, READS, scheme, metric)
    return _first(rows, f"not measured in scenario {READS}{hint}")


def per_refresh(result: Result, scheme: str, metric: str) -> Predicted:
    """Return a metric of a token refresh, in the metric's unit.

    Raises:
        NotMeasuredError: Refreshes were not measured.
    """
    rows = sweeps.rows(result, REFRESHES, scheme, metric)
    return _first(rows, f"the cost of its refreshes was not measured (scenario {REFRESHES})")


def memory(result: Result, scheme: str, sessions: int, profile_bytes: int | None) -> Predicted:
    """Return the store memory of this many sessions, in bytes.

    With a payload length, and if scenario population was not measured, the memory of the load's own users
    is scaled up.

    Raises:
        NotMeasuredError: Neither was measured.
    """
    if profile_bytes is not None:
        line = sweeps.memory_by_profile(result, scheme)
        return _scaled_up(_on(line, profile_bytes, result, _NOT_BY_PAYLOAD), sessions)
    by_sessions = sweeps.memory_by_sessions(result, scheme)
    if by_sessions is not None:
        return _on(by_sessions, sessions, result, "")
    scenario, load, params = result.scenarios()[0]  # later ones add to the memory of its users
    for row in sweeps.rows(result, scenario, scheme, "store_memory"):
        if (row.load, row.params) == (load, params) and (users := sweeps.users(row)) is not None:
            return _scaled_up(_first([row], ""), sessions / users)
    raise NotMeasuredError(f"not measured by number of sessions (scenario {sweeps.POPULATION})")


def _scaled_up(per_session: Predicted, count: float) -> Predicted:
    """Return a multiple of a prediction: an extrapolation, unless the value is zero."""
    return replace(per_session.times(count), extrapolated=per_session.value != 0)


def _first(rows: Sequence[Measurement], reason: str) -> Predicted:
    if not rows:
        raise NotMeasuredError(reason)
    return Predicted(rows[0].value, rows[0].ci, rows[0].points, rows[0].batches)


def _on(line: LinearFit | None, at: float, result: Result, reason: str) -> Predicted:
    if line is None:
        raise NotMeasuredError(reason)
    return _mean(line.predictions(at), line.batches, result.run.confidence, extrapolated=not line.reaches(at))


def _mean(
    points: Sequence[float], batches: Sequence[int], confidence: float, *, extrapolated: bool
) -> Predicted:
    estimate = mean(points, confidence, batches)
    return Predicted(estimate.value, estimate.ci, points, batches, extrapolated)


#: Predicted quantity, quantity on the axis, and the fit of a scheme.
_FITS: Final[tuple[tuple[str, str, Callable[[Result, str], LinearFit | None]], ...]] = (
    ("median service time", "store round trip, µs", sweeps.latency),
    ("CPU per read", "payload, B", partial(sweeps.by_profile, metric="total_cpu")),
    ("request size", "payload, B", partial(sweeps.by_profile, metric="request_bytes")),
    ("store memory per session", "payload, B", sweeps.memory_by_profile),
    ("store memory", "sessions", sweeps.memory_by_sessions),
)


def errors(result: Result) -> list[HeldBackError]:
    """Return the model's leave-one-out errors: each level is predicted from all others of its scheme.

    There is a row per quantity with three or more levels; values of zero have no relative error.
    """
    rows = []
    for quantity, over, fit_of in _FITS:
        fits = {scheme: fit_of(result, scheme) for scheme in result.arms()}
        levels = [(scheme, level) for scheme, fit in fits.items() if fit for level in fit.held_back()]
        predicted = [(level.error, scheme, level.at) for scheme, level in levels if level.measured]
        if predicted:
            largest, scheme, at = max(predicted, key=itemgetter(0))
            row = HeldBackError(
                quantity=quantity,
                over=over,
                foretold=len(predicted),
                median=median(error for error, _, _ in predicted),
                largest=largest,
                largest_scheme=scheme,
                largest_at=at,
            )
            rows.append(row)
    return rows
