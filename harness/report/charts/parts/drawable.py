"""Removes intervals that cannot be drawn: those over many powers of ten would hide everything else."""

from __future__ import annotations

from typing import Final

from harness.results.base import Interval
from harness.results.model import Result

#: Intervals that extend further than this factor from their value are not drawn.
_FARTHEST: Final = 1000.0


def drawable(result: Result) -> Result:
    """Return the result without the intervals and noise floors that no axis could show."""
    measurements = [row.model_copy(update={"ci": interval(row.value, row.ci)}) for row in result.measurements]
    comparisons = [
        row.model_copy(update={"ci": interval(row.ratio, row.ci), "noise_floor": _floor(row.noise_floor)})
        for row in result.comparisons
    ]
    return result.model_copy(update={"measurements": measurements, "comparisons": comparisons})


def interval(value: float, ci: Interval) -> Interval:
    """Return the interval, or None if it extends too far, as from two very different instances."""
    if ci is None or ci[1] > _FARTHEST * abs(value) or ci[1] - ci[0] > 2 * _FARTHEST * abs(value):
        return None
    return ci


def _floor(floor: float | None) -> float | None:
    return None if floor is None or floor > _FARTHEST else floor
