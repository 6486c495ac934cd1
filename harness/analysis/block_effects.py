"""What each instance's slots say of it, with what moved all instances alike taken out. Pure.

Slots are dealt in blocks: every instance once, in random order, within a second or two. A slot's value has
three parts: the instance's own, the block's (what the machine did meanwhile, to all alike) and noise. The
analysis of such a randomised complete block design takes the block's part out before instances are compared
(Montgomery, Design and Analysis of Experiments, chapter 4). Here both parts are estimated so that bursts do
not carry them away: the block's as in the first step of Tukey's median polish (Exploratory Data Analysis,
chapter 11), the instance's by a 20 % trimmed mean (Wilcox, Introduction to Robust Estimation and Hypothesis
Testing, chapter 3), which wastes less than a median where noise is all that there is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

#: The share of an instance's slots that is left aside at either end.
_TRIMMED: Final = 0.2


@dataclass(frozen=True)
class Value:
    """What one slot gave, and the block that it belongs to."""

    block: Hashable
    value: float


def remove_block_effects(values: Mapping[int, Sequence[Value]]) -> dict[int, float]:
    """The level of every instance, in the unit of the values.

    On the scale of logarithms where all values are positive, since a slow machine multiplies.

    Args:
        values: By instance, what each of its slots gave, at least one.
    """
    if not values:
        return {}
    if all(one.value > 0 for own in values.values() for one in own):
        logarithms = {i: [Value(v.block, math.log(v.value)) for v in own] for i, own in values.items()}
        return {instance: math.exp(level) for instance, level in _levels(logarithms).items()}
    return _levels(values)


def _levels(values: Mapping[int, Sequence[Value]]) -> dict[int, float]:
    centres = {instance: median(one.value for one in own) for instance, own in values.items()}
    left: dict[Hashable, list[float]] = defaultdict(list)
    for instance, own in values.items():
        for one in own:
            left[one.block].append(one.value - centres[instance])
    of_block = {block: median(some) for block, some in left.items()}
    usual = median(of_block.values())
    return {
        instance: trimmed_mean([one.value - of_block[one.block] for one in own]) + usual
        for instance, own in values.items()
    }


def trimmed_mean(values: Sequence[float]) -> float:
    """The mean of what is left when a fifth of the values, rounded, is taken away at either end."""
    cut = round(_TRIMMED * len(values))
    return fmean(sorted(values)[cut : len(values) - cut])
