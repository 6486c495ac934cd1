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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.analysis.stats import sweeps
from harness.analysis.stats.estimate import mean
from harness.analysis.stats.linear_fit import LinearFit
from harness.results.base import Interval
from harness.results.model import Measurement, Result

READS: Final = "saturation"
REFRESHES: Final = "refresh"


class NotMeasuredError(Exception):
    """The result has no rows for a quantity; the message names the missing ones."""


@dataclass(frozen=True)
class Predicted:
    """Prediction of the model for one scheme.

    Attributes:
        value: Predicted value.
        ci: Confidence interval; None for metrics counted once per arm.
        points: Predictions of the instances.
        batches: Number of points of each batch, as `Measurement.batches`.
        extrapolated: Whether the prediction lies outside the measured range.
    """

    value: float
    ci: Interval
    points: Sequence[float]
    batches: Sequence[int]
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
        return _on(line, profile_bytes, result, f"not measured by payload length (scenario {sweeps.PAYLOAD})")
    row = next(iter(sweeps.rows(result, READS, scheme, metric)), None)
    if row is None:
        hint = "" if line is None else ", but by payload length: use --profile-bytes"
        raise NotMeasuredError(f"not measured in scenario {READS}{hint}")
    return _of(row)


def per_refresh(result: Result, scheme: str, metric: str) -> Predicted:
    """Return a metric of a token refresh, in the metric's unit.

    Raises:
        NotMeasuredError: Refreshes were not measured.
    """
    row = next(iter(sweeps.rows(result, REFRESHES, scheme, metric)), None)
    if row is None:
        raise NotMeasuredError(f"the cost of its refreshes was not measured (scenario {REFRESHES})")
    return _of(row)


def memory(result: Result, scheme: str, sessions: int, profile_bytes: int | None) -> Predicted:
    """Return the store memory of this many sessions, in bytes.

    With a payload length, and if scenario population was not measured, the memory of the load's own users
    is scaled up.

    Raises:
        NotMeasuredError: Neither was measured.
    """
    if profile_bytes is not None:
        line = sweeps.memory_by_profile(result, scheme)
        reason = f"not measured by payload length (scenario {sweeps.PAYLOAD})"
        per_session = _on(line, profile_bytes, result, reason)
        return _scaled_up(per_session, sessions)
    by_sessions = sweeps.memory_by_sessions(result, scheme)
    if by_sessions is not None:
        return _on(by_sessions, sessions, result, "")
    row, users = _first_scenario(result, scheme)
    return _scaled_up(_of(row), sessions / users)


def _scaled_up(per_session: Predicted, count: float) -> Predicted:
    """Return a multiple of a prediction: an extrapolation, unless the value is zero."""
    return replace(per_session.times(count), extrapolated=per_session.value != 0)


def _first_scenario(result: Result, scheme: str) -> tuple[Measurement, int]:
    """Return the store memory after the first scenario, and its users; later scenarios add to it."""
    scenario, load, params = result.scenarios()[0]
    for row in sweeps.rows(result, scenario, scheme, "store_memory"):
        users = sweeps.users(row)
        if (row.load, row.params) == (load, params) and users is not None:
            return row, users
    raise NotMeasuredError(f"not measured by number of sessions (scenario {sweeps.POPULATION})")


def _of(row: Measurement) -> Predicted:
    return Predicted(row.value, row.ci, row.points, row.batches)


def _on(line: LinearFit | None, at: float, result: Result, reason: str) -> Predicted:
    if line is None:
        raise NotMeasuredError(reason)
    return _mean(line.predictions(at), line.batches, result.run.confidence, extrapolated=not line.reaches(at))


def _mean(
    points: Sequence[float], batches: Sequence[int], confidence: float, *, extrapolated: bool
) -> Predicted:
    estimate = mean(points, confidence, batches)
    ci = None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)
    return Predicted(estimate.value, ci, points, batches, extrapolated)
