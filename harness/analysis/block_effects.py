"""Estimates one value per server instance from its slots, with the effects of blocks removed. Pure.

Slots come in blocks: every instance once, in random order, within a second or two. A slot's value is the sum
of an instance effect, a block effect (what the machine did meanwhile, to all instances alike) and noise. The
analysis of such a randomised complete block design removes the block effect before instances are compared
(Montgomery, Design and Analysis of Experiments, chapter 4). Both effects are estimated so that bursts do not
distort them: the block's as in the first step of Tukey's median polish (Exploratory Data Analysis, chapter
11), the instance's by a 20 % trimmed mean (Wilcox, Introduction to Robust Estimation and Hypothesis Testing,
chapter 3), which is more efficient than a median where there is nothing but noise.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean, median
from typing import Final

#: Share of an instance's slots that is cut off at each end.
_TRIMMED: Final = 0.2


#: Values of slots, each with the block that the slot belongs to.
Values = Sequence[tuple[Hashable, float]]


def remove_block_effects(values: Mapping[int, Values]) -> dict[int, float]:
    """Return the level of each instance, in the unit of the values.

    Works on logarithms if all values are positive, since a slow machine multiplies times.

    Args:
        values: Values of the slots of each instance, by instance; at least one each.
    """
    if not values:
        return {}
    if all(value > 0 for slots in values.values() for _, value in slots):
        logarithms = {i: [(block, math.log(value)) for block, value in slots] for i, slots in values.items()}
        return {instance: math.exp(level) for instance, level in _levels(logarithms).items()}
    return _levels(values)


def _levels(values: Mapping[int, Values]) -> dict[int, float]:
    centres = {instance: median(value for _, value in slots) for instance, slots in values.items()}
    deviations: dict[Hashable, list[float]] = defaultdict(list)
    for instance, slots in values.items():
        for block, value in slots:
            deviations[block].append(value - centres[instance])
    block_effects = {block: median(deviations[block]) for block in deviations}
    typical = median(block_effects.values())
    return {
        instance: trimmed_mean([value - block_effects[block] for block, value in slots]) + typical
        for instance, slots in values.items()
    }


def trimmed_mean(values: Sequence[float]) -> float:
    """Return the mean without the smallest and the largest fifth of the values (rounded)."""
    cut = round(_TRIMMED * len(values))
    return fmean(sorted(values)[cut : len(values) - cut])
