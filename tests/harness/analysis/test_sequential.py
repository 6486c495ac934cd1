"""How often a run that looks up to three times is wrong, simulated with the functions that it uses."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from harness.analysis.stats.estimate import Ratio, stratified_ratio
from harness.analysis.stats.sequential import LOOKS, undecided
from harness.analysis.stats.verdict import judge
from harness.results.base import Verdict
from harness.results.metrics import confidence_of_a_look
from harness.results.model import Comparison

CONFIDENCE = 0.99
MARGIN = 0.03
#: What instances of the same code scatter, as measured (docs/method.md).
SCATTER = 0.013
Batch = tuple[list[float], list[float]]


def batch(dice: random.Random, true_ratio: float, instances: int, scatter: float = SCATTER) -> Batch:
    """Fresh instances of both arms, at a time when the machine is up to a fifth faster or slower."""
    machine = dice.uniform(-0.2, 0.2)
    base = [math.exp(machine + dice.gauss(0, scatter)) for _ in range(instances)]
    arm = [true_ratio * math.exp(machine + dice.gauss(0, scatter)) for _ in range(instances)]
    return base, arm


def said(batches: list[Batch]) -> tuple[Verdict, Ratio]:
    """The verdict of a look at these."""
    confidence = confidence_of_a_look(CONFIDENCE, LOOKS)
    one = stratified_ratio(batches, confidence)
    return judge([one], confidence=confidence, margin=MARGIN)[0], one


def until_decided(dice: random.Random, true_ratio: float, instances: int) -> tuple[Verdict, int]:
    """The last verdict of a run, and the looks that it took."""
    batches: list[Batch] = []
    verdict: Verdict = "inconclusive"
    while verdict == "inconclusive" and len(batches) < LOOKS:
        batches.append(batch(dice, true_ratio, instances))
        verdict, _ = said(batches)
    return verdict, len(batches)


def runs(true_ratio: float, instances: int, trials: int = 1000) -> Counter[Verdict]:
    """How often each verdict was given."""
    dice = random.Random(20261125)  # noqa: S311 - a reproducible simulation
    return Counter(until_decided(dice, true_ratio, instances)[0] for _ in range(trials))


@pytest.mark.slow
@pytest.mark.parametrize("instances", [8, 16])
def test_the_same_code_is_called_different_in_less_than_one_of_a_hundred(instances: int) -> None:
    """Over all looks together: 1 %, within three standard errors of 2,000 trials, 0.22 % each."""
    found = runs(1, instances, 2000)
    assert (found["slower"] + found["faster"]) / 2000 <= 0.01 + 3 * 0.0022


@pytest.mark.slow
@pytest.mark.parametrize("instances", [8, 16])
@pytest.mark.parametrize("true_ratio", [1.03, 1 / 1.03])
def test_a_difference_as_large_as_the_margin_is_hardly_ever_called_equivalent(
    true_ratio: float, instances: int
) -> None:
    """It is the smallest that must not be; half of the level is on its side of the interval."""
    assert runs(true_ratio, instances)["equivalent"] / 1000 <= 0.005 + 3 * 0.0022


def test_slowdowns_are_found_with_sixteen_instances() -> None:
    """3 % in at least 36 of 40, 5 % always, at the scatter that was measured."""
    assert runs(1.03, 16)["slower"] / 1000 >= 0.9
    assert runs(1.05, 16)["slower"] == 1000


def test_nothing_is_ever_called_the_wrong_way_round() -> None:
    """At most at half of the level: what is slower is not called faster."""
    assert runs(1.03, 16)["faster"] == 0


@pytest.mark.slow
def test_looking_three_times_at_the_whole_level_would_err_more_often() -> None:
    """Why each look has a third: eight instances that scatter by 3 %, plain 99 % at every look."""
    dice = random.Random(1)  # noqa: S311 - a reproducible simulation
    wrong = 0
    for _ in range(1500):
        batches: list[Batch] = []
        for _ in range(LOOKS):
            batches.append(batch(dice, 1, 8, 0.03))
            one = stratified_ratio(batches, CONFIDENCE)
            if judge([one], confidence=CONFIDENCE, margin=MARGIN)[0] in ("slower", "faster"):
                wrong += 1
                break
    assert wrong / 1500 > 0.01 + 2 * 0.0026


@pytest.mark.parametrize("looks", [1, 2, 3])
@pytest.mark.parametrize("instances", [4, 16])
def test_the_interval_of_every_look_covers_the_truth(looks: int, instances: int) -> None:
    """At 99.67 %, whatever the machine does between looks; 1,000 trials have a standard error of 0.18 %."""
    dice = random.Random(instances * 10 + looks)  # noqa: S311 - a reproducible simulation
    covered = 0
    for _ in range(1000):
        _, one = said([batch(dice, 1.07, instances) for _ in range(looks)])
        covered += one.low <= 1.07 <= one.high
    assert covered / 1000 >= 0.9967 - 3 * 0.0018


def test_only_primary_metrics_can_be_undecided() -> None:
    """The others are described."""

    def row(verdict: Verdict, *, primary: bool) -> Comparison:
        return Comparison(
            scenario="saturation",
            load="closed, 8 users",
            metric="total_cpu",
            base="token",
            arm="cookie",
            ratio=1.0,
            ci=(0.9, 1.1),
            noise_floor=0.1,
            primary=primary,
            verdict=verdict,
        )

    asked = row("inconclusive", primary=True)
    assert undecided([row("slower", primary=True), asked, row("inconclusive", primary=False)]) == [asked]
