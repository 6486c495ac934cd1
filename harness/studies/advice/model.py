"""What each scheme of a result costs, read by read: measured rows, and straight lines through them. Pure.

    latency(rtt)     = l0 + l1 * rtt            scenario distance, service_p50 over store_rtt
    cpu(profile)     = c0 + c1 * profile        scenario payload, total_cpu over profile_bytes
    bytes(profile)   = b0 + b1 * profile        scenario payload, request_bytes over profile_bytes
    memory(sessions) = m0 + m1 * sessions       scenario population, store_memory over sessions

Without a profile's length CPU, operations and bytes are those of scenario saturation as they stand; what
tokens of a short life cost besides is that of scenario refresh, as often as they are renewed. No term is a
guess: where the rows for one are missing, the model says which (docs/advice.md).
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
    """The result has no rows for what is asked; the message says which are missing."""


@dataclass(frozen=True)
class Predicted:
    """What the model says of one scheme.

    Attributes:
        value: The figure.
        ci: Its interval; None where it was counted once an arm.
        points: What each instance says.
        batches: How many of those are of each batch, as `Measurement.batches`.
        extrapolated: Whether it was asked beyond what was measured.
    """

    value: float
    ci: Interval
    points: Sequence[float]
    batches: Sequence[int]
    extrapolated: bool = False

    def times(self, factor: float) -> Predicted:
        """The same, so many times."""
        ci = None if self.ci is None else (factor * self.ci[0], factor * self.ci[1])
        points = [factor * point for point in self.points]
        return replace(self, value=factor * self.value, ci=ci, points=points)

    def plus(self, other: Predicted, confidence: float) -> Predicted:
        """Both together, instance by instance; of the instances that both have."""
        points = [one + more for one, more in zip(self.points, other.points, strict=False)]
        batches = min(self.batches, other.batches, key=sum)
        return _mean(points, batches, confidence, extrapolated=self.extrapolated or other.extrapolated)


def unfit(result: Result, scheme: str, profile_bytes: int | None) -> str:
    """Why servers of a scheme could not serve profiles of this length; empty where nothing is against it."""
    longest = sweeps.longest_profile(result, scheme)
    if profile_bytes is None or longest is None or profile_bytes <= longest:
        return ""
    return f"its credential would be too long for a header: profiles end at {longest:,} bytes"


def latency(result: Result, scheme: str, store_rtt_us: float) -> Predicted:
    """Median service time of a read in us, with the store at this distance.

    Raises:
        NotMeasuredError: It was not measured at two distances or more.
    """
    why = f"not measured at two distances (scenario {sweeps.DISTANCE})"
    return _on(sweeps.latency(result, scheme), store_rtt_us, result, why)


def per_read(result: Result, scheme: str, metric: str, profile_bytes: int | None) -> Predicted:
    """What a read costs in a metric, in its unit.

    Raises:
        NotMeasuredError: Reads, or reads with profiles of a set length, were not measured.
    """
    line = sweeps.by_profile(result, scheme, metric)
    if profile_bytes is not None:
        return _on(
            line, profile_bytes, result, f"not measured by length of profile (scenario {sweeps.PAYLOAD})"
        )
    row = next(iter(sweeps.rows(result, READS, scheme, metric)), None)
    if row is None:
        hint = "" if line is None else ", but by length of profile: ask with --profile-bytes"
        raise NotMeasuredError(f"not measured in scenario {READS}{hint}")
    return _of(row)


def per_refresh(result: Result, scheme: str, metric: str) -> Predicted:
    """What a refresh of a token costs in a metric, in its unit.

    Raises:
        NotMeasuredError: Refreshes were not measured.
    """
    row = next(iter(sweeps.rows(result, REFRESHES, scheme, metric)), None)
    if row is None:
        raise NotMeasuredError(f"what its refreshes cost was not measured (scenario {REFRESHES})")
    return _of(row)


def memory(result: Result, scheme: str, sessions: int, profile_bytes: int | None) -> Predicted:
    """Bytes in the store of so many sessions.

    With a profile's length, and where scenario population was not measured, it is reckoned from what the
    load's own users left there, so many times over.

    Raises:
        NotMeasuredError: Neither was measured.
    """
    if profile_bytes is not None:
        line = sweeps.memory_by_profile(result, scheme)
        why = f"not measured by length of profile (scenario {sweeps.PAYLOAD})"
        each = _on(line, profile_bytes, result, why)
        return _of_many(each, sessions)
    by_sessions = sweeps.memory_by_sessions(result, scheme)
    if by_sessions is not None:
        return _on(by_sessions, sessions, result, "")
    row, users = _first_left(result, scheme)
    return _of_many(_of(row), sessions / users)


def _of_many(each: Predicted, count: float) -> Predicted:
    """So many times over is an extrapolation, but of nothing."""
    return replace(each.times(count), extrapolated=each.value != 0)


def _first_left(result: Result, scheme: str) -> tuple[Measurement, int]:
    """What the run's first scenario left in the store, and of how many users: later ones add to it."""
    scenario, load, params = result.scenarios()[0]
    for row in sweeps.rows(result, scenario, scheme, "store_memory"):
        users = sweeps.users(row)
        if (row.load, row.params) == (load, params) and users is not None:
            return row, users
    raise NotMeasuredError(f"not measured by sessions (scenario {sweeps.POPULATION})")


def _of(row: Measurement) -> Predicted:
    return Predicted(row.value, row.ci, row.points, row.batches)


def _on(line: LinearFit | None, at: float, result: Result, why_not: str) -> Predicted:
    if line is None:
        raise NotMeasuredError(why_not)
    return _mean(line.predictions(at), line.batches, result.run.confidence, extrapolated=not line.reaches(at))


def _mean(
    points: Sequence[float], batches: Sequence[int], confidence: float, *, extrapolated: bool
) -> Predicted:
    estimate = mean(points, confidence, batches)
    ci = None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)
    return Predicted(estimate.value, ci, points, batches, extrapolated)
