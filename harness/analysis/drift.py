"""Compares the cost of a request in the last third of the slots with that in the first. Pure.

A noisy neighbour on the machine moves all arms; an arm that ages moves alone. So arms are compared with each
other, instance by instance, and a single arm is judged only against a change that no neighbour should make.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

from harness.analysis.observation import Observation, Slot
from harness.analysis.stats.estimate import Estimate, Ratio, geometric_mean, ratio
from harness.protocol.plan import by_arm
from harness.protocol.recording import merged

#: Slots of an instance in a third that make its median robust against a single burst.
_ENOUGH_SLOTS: Final = 8
#: An instance strays if it moved by this fraction more than the median, and by this multiple of the scatter.
_FAR: Final = 0.25
_FAR_IN_SCATTERS: Final = 5
#: Values of a slot that are compared; CPU that is not read counts as no drift.
_METRICS: Final[Mapping[str, Callable[[Slot], float]]] = {
    "server_cpu": lambda slot: (slot.account.server_cpu_ns or 0) / slot.requests,
    "service_p50": lambda slot: float(merged(slot.histograms("service")).get_value_at_percentile(50)),
}


@dataclass(frozen=True)
class Drift:
    """Change of one metric from the first third of the slots to the last.

    Attributes:
        metric: Name in METRICS.
        arms: Last over first, by arm, with an interval over its instances.
        pairs: The later arm's change over the earlier one's, by (earlier, later). All intervals hold
            simultaneously (Bonferroni).
        strays: Changes of instances that moved unlike the others, over the median of all, by instance.
    """

    metric: str
    arms: Mapping[str, Estimate]
    pairs: Mapping[tuple[str, str], Ratio]
    strays: Mapping[int, float]


def drifts(observed: Observation, confidence: float) -> list[Drift]:
    """Return the drift of server CPU and median service time, omitting arms without slots in both thirds."""
    enough = len(observed.plan.order) >= 3 * _ENOUGH_SLOTS * len(observed.plan.targets)
    rows = []
    for metric, value in _METRICS.items():
        moved = _moved(observed, value)
        points = {
            arm: [moved[instance] for instance in instances if instance in moved]
            for arm, instances in by_arm(observed.plan.targets).items()
        }
        pairs = [pair for pair in combinations(points, 2) if min(len(points[arm]) for arm in pair) > 1]
        each = 1 - (1 - confidence) / max(1, len(pairs))
        rows.append(
            Drift(
                metric,
                arms={arm: geometric_mean(ratios, confidence) for arm, ratios in points.items() if ratios},
                pairs={(base, arm): ratio(points[base], points[arm], each) for base, arm in pairs},
                strays=_strays(moved) if enough else {},
            )
        )
    return rows


def _strays(moved: Mapping[int, float]) -> dict[int, float]:
    """Return the changes, over the median of all, that are large and far outside the scatter of the others.

    The scatter is the median absolute deviation on logarithms, times 1.4826 to stand for a standard deviation
    (Hampel 1974).
    """
    if not moved:
        return {}
    centre = median(moved.values())
    deviations = {instance: math.log(change / centre) for instance, change in moved.items()}
    scatter = 1.4826 * median(abs(deviation) for deviation in deviations.values())
    far = max(math.log1p(_FAR), _FAR_IN_SCATTERS * scatter)
    return {i: math.exp(deviation) for i, deviation in deviations.items() if abs(deviation) > far}


def _moved(observed: Observation, value: Callable[[Slot], float]) -> dict[int, float]:
    """Return the median over an instance's slots in the last third, over that in the first; by instance."""
    count = len(observed.plan.order)
    first: dict[int, list[float]] = defaultdict(list)
    last: dict[int, list[float]] = defaultdict(list)
    for slot in observed.slots():
        number = slot.account.slot
        if number < count / 3:
            first[slot.instance].append(value(slot))
        elif number >= 2 * count / 3:
            last[slot.instance].append(value(slot))
    medians = {i: (median(first[i]), median(last[i])) for i in first if i in last}
    return {i: after / before for i, (before, after) in medians.items() if min(before, after) > 0}
