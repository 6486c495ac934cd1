"""Whether a run stayed as it began: what a request costs, and in a long run what its processes hold. Pure.

Short runs are not judged by growth: within them it cannot be told from warming up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.analysis.drift import Drift, drifts
from harness.analysis.growth import MEMORY, Growth, growths
from harness.analysis.observation import Observation
from harness.analysis.stats.estimate import Estimate, Ratio
from harness.results.base import Status
from harness.results.metrics import DRIFT, GROWTH, METRICS
from harness.results.model import Check

#: A scenario planned for this long is judged.
LONG_S: Final = 600
#: Change of one arm by itself, as a fraction, that the machine alone should not make.
ABSOLUTE_DRIFT: Final = 0.25
#: So many pairs of arms are told one by one; of more, those that moved apart.
_FEW_PAIRS: Final = 3


def checks(observed: Observation, *, confidence: float, margin: float, stationary: bool) -> list[Check]:
    """Whether an arm or an instance drifted; of a long scenario also whether a process grew.

    Args:
        observed: With the vitals of every process.
        confidence: Of the intervals.
        margin: Change of one arm relative to another, as a fraction, that counts as none.
        stationary: Growth makes the run invalid instead of being a warning.
    """
    name = observed.label
    drift = [check_drift(one, name, margin) for one in drifts(observed, confidence) if one.arms]
    if observed.scenario.seconds < LONG_S:
        return drift
    found = [one for row in observed.vitals for one in growths(row, confidence)]
    return [check_growth(found, name, stationary=stationary), *drift]


def check_growth(found: Sequence[Growth], name: str, *, stationary: bool) -> Check:
    """Whether any process held more and more."""
    bad: Status = "invalid" if stationary else "warning"
    leaks = [one for one in found if one.leaks]
    if not found:
        return Check(
            check=GROWTH,
            status=bad,
            detail=f"{name}: looked at too rarely to tell whether any process grew: use shorter slots.",
        )
    if not leaks:
        most = max((one for one in found if one.quantity is MEMORY), key=lambda one: one.share)
        count = len({one.process for one in found})
        return Check(
            check=GROWTH,
            status="ok",
            detail=f"{name}: memory, descriptors and threads of {count} processes stayed level after the"
            f" warm-up; memory moved most in {most.process}, by {most.share:+.1%}.",
        )
    return Check(
        check=GROWTH,
        status=bad,
        detail=f"{name}: after the warm-up {', '.join(map(_grown, leaks))}: look for what is kept and never"
        " let go; in the store, for sessions that nobody ends.",
    )


def _grown(one: Growth) -> str:
    if one.quantity is MEMORY:
        return f"{one.process} gained {one.gain / 1e6:.1f} MB of memory ({one.share:+.1%})"
    return f"{one.process} gained {one.gain:.0f} {one.quantity.name} (around {one.level:.0f})"


def check_drift(drift: Drift, name: str, margin: float) -> Check:
    """Whether an arm moved against another by more than the margin, or by far on its own."""
    apart = [pair for pair, moved in drift.pairs.items() if _beyond(moved, margin)]
    far = [arm for arm, moved in drift.arms.items() if _beyond(moved, ABSOLUTE_DRIFT)]
    status: Status = "warning" if apart or far or drift.strays else "ok"
    title = METRICS[drift.metric].title
    alone = [f"{arm} {moved.value - 1:+.1%}" for arm, moved in drift.arms.items()]
    told = drift.pairs if len(drift.pairs) <= _FEW_PAIRS else apart
    against = [_moved_against(*pair, drift.pairs[pair]) for pair in told]
    return Check(
        check=DRIFT,
        status=status,
        detail=f"{name}: {title} from the first to the last third of the slots: {', '.join(alone + against)}"
        + _remedy(apart, far, drift.strays),
    )


def _moved_against(base: str, arm: str, moved: Ratio) -> str:
    return f"{arm} against {base} {moved.value - 1:+.1%} ({moved.low - 1:+.1%} to {moved.high - 1:+.1%})"


def _remedy(apart: Sequence[tuple[str, str]], far: Sequence[str], strays: Mapping[int, float]) -> str:
    if strays:
        which = ", ".join(f"instance #{instance} {moved - 1:+.0%}" for instance, moved in strays.items())
        return f"; against the others {which}: something happened to single processes; repeat the run."
    if apart:
        return ": one arm ages while the other does not; look at what it keeps."
    if far:
        return ": the machine changed, or what all arms share did; repeat the run."
    return "."


def _beyond(moved: Estimate | Ratio, margin: float) -> bool:
    """Whether the whole interval lies further from 1 than the margin; never where there is none."""
    if moved.low is None or moved.high is None:
        return False
    return moved.low > 1 + margin or moved.high < 1 / (1 + margin)
