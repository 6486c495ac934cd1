"""Checks for drift of the cost of a request, and in long runs for growth of processes. Pure.

Growth is not judged in short runs, where it cannot be distinguished from warming up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.analysis.drift import Drift, drifts
from harness.analysis.growth import MEMORY, Growth, growths
from harness.analysis.observation import Observation
from harness.analysis.stats.estimate import Estimate
from harness.results.metrics import DRIFT, GROWTH, METRICS
from harness.results.model import Check

#: Planned seconds of a scenario from which growth is judged.
LONG_S: Final = 600
#: Change of a single arm, as a fraction, that the machine alone should not make.
ABSOLUTE_DRIFT: Final = 0.25
#: Up to this many pairs of arms are all listed; of more, only those that moved apart.
_FEW_PAIRS: Final = 3


def checks(observed: Observation, *, confidence: float, margin: float, stationary: bool) -> list[Check]:
    """Return the checks for drift of arms and instances, and for growth in a long scenario.

    Args:
        observed: Observation with the vitals of every process.
        confidence: Confidence level of the intervals.
        margin: Change of one arm relative to another, as a fraction, that counts as none.
        stationary: Whether growth makes the run invalid instead of being a warning.
    """
    name = observed.label
    drift = [check_drift(change, name, margin) for change in drifts(observed, confidence) if change.arms]
    if observed.scenario.seconds < LONG_S:
        return drift
    rows = [growth for vitals in observed.vitals for growth in growths(vitals, confidence)]
    return [check_growth(rows, name, stationary=stationary), *drift]


def check_growth(rows: Sequence[Growth], name: str, *, stationary: bool) -> Check:
    """Return the check for processes that keep growing."""
    leaks = [growth for growth in rows if growth.leaks]
    if rows and not leaks:
        most = max((growth for growth in rows if growth.quantity is MEMORY), key=lambda growth: growth.share)
        count = len({growth.process for growth in rows})
        detail = (
            f"{name}: memory, descriptors and threads of {count} processes stayed level after the warm-up;"
            f" memory changed most in {most.process}, by {most.share:+.1%}."
        )
        return Check(check=GROWTH, status="ok", detail=detail)
    detail = (
        f"after the warm-up {', '.join(map(_describe, leaks))}: look for objects that are never released; in"
        " the store, for sessions that never end."
        if rows
        else "too few samples to detect growth of processes: use shorter slots."
    )
    return Check(check=GROWTH, status="invalid" if stationary else "warning", detail=f"{name}: {detail}")


def _describe(growth: Growth) -> str:
    if growth.quantity is MEMORY:
        return f"{growth.process} gained {growth.gain / 1e6:.1f} MB of memory ({growth.share:+.1%})"
    return f"{growth.process} gained {growth.gain:.0f} {growth.quantity.name} (around {growth.level:.0f})"


def check_drift(drift: Drift, name: str, margin: float) -> Check:
    """Return the check for arms that drifted relative to each other, or far by themselves."""
    apart = [pair for pair, moved in drift.pairs.items() if _beyond(moved, margin)]
    far = [arm for arm, moved in drift.arms.items() if _beyond(moved, ABSOLUTE_DRIFT)]
    alone = [f"{arm} {moved.value - 1:+.1%}" for arm, moved in drift.arms.items()]
    relative = [
        f"{arm} against {base} {moved.value - 1:+.1%} ({moved.low - 1:+.1%} to {moved.high - 1:+.1%})"
        for (base, arm), moved in drift.pairs.items()
        if len(drift.pairs) <= _FEW_PAIRS or (base, arm) in apart
    ]
    changes = ", ".join(alone + relative)
    title = METRICS[drift.metric].title
    figure = f"{name}: {title} from the first to the last third of the slots: {changes}"
    remedy = "the machine changed, or something that all schemes share; repeat the run"
    if drift.strays:
        which = ", ".join(f"instance #{number} {moved - 1:+.0%}" for number, moved in drift.strays.items())
        figure += f"; unlike the others {which}"
        remedy = "single processes were disturbed; repeat the run"
    elif apart:
        remedy = "one scheme changed and the other did not; look at what its servers accumulate"
    return Check.graded(DRIFT, figure, remedy, warning=bool(apart or far or drift.strays))


def _beyond(moved: Estimate, margin: float) -> bool:
    """Whether the whole interval is further from 1 than the margin; false if there is no interval."""
    if moved.ci is None:
        return False
    low, high = moved.ci
    return low > 1 + margin or high < 1 / (1 + margin)
