"""Turns ratios into verdicts: faster, slower, equivalent, inconclusive. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from harness.analysis.stats.estimate import Ratio

Answer = Literal["faster", "slower", "equivalent", "inconclusive"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values with Holm's step-down adjustment, to be compared with the familywise level.

    Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    count = len(p_values)
    adjusted = [0.0] * count
    running = 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running = max(running, (count - rank) * p_values[index])
        adjusted[index] = min(1.0, running)
    return adjusted


def judge(
    ratios: Sequence[Ratio], *, confidence: float, margin: float, larger_is_better: bool = False
) -> list[Answer]:
    """Return a verdict on each of a family of ratios (arm over base) of one metric.

    Equivalent if the whole interval is within the margin (1/(1+margin) to 1+margin); otherwise slower or
    faster if the whole interval is on one side of 1, also after Holm's adjustment over the family; otherwise
    inconclusive.
    """
    alpha = 1 - confidence
    adjusted = holm([ratio.p_equal for ratio in ratios])
    answers: list[Answer] = []
    for ratio, p_value in zip(ratios, adjusted, strict=True):
        if 1 / (1 + margin) < ratio.low and ratio.high < 1 + margin:
            answers.append("equivalent")
        elif p_value >= alpha:
            answers.append("inconclusive")
        else:
            answers.append("slower" if (ratio.value > 1) != larger_is_better else "faster")
    return answers
