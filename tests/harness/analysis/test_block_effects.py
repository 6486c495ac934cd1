"""What a randomised complete block design gives: machines that move do not move the comparison."""

import math
import random
from collections import defaultdict
from statistics import fmean, median, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.block_effects import Values, remove_block_effects, trimmed_mean
from harness.analysis.stats.estimate import ratio
from harness.protocol.plan import deal
from tests.harness.observations import Seen, observe

#: A machine in a restless hour: s.d. of the logarithm between blocks, within them, and between instances.
BLOCKS, WITHIN, INSTANCES = 0.13, 0.12, 0.013


def values(table: dict[int, list[float]]) -> dict[int, Values]:
    """Values by instance, one a block."""
    return {instance: list(enumerate(own)) for instance, own in table.items()}


def test_a_trimmed_mean_by_hand() -> None:
    """A fifth off at either end: of five values one each, of two none, of three all but the median."""
    assert trimmed_mean([1, 2, 3, 7, 100]) == 4
    assert trimmed_mean([1, 2]) == 1.5
    assert trimmed_mean([1, 2, 900]) == 2
    assert trimmed_mean([5]) == 5


def test_levels_by_hand() -> None:
    """Blocks that double everything leave the levels; a slot out of line moves none of them."""
    found = remove_block_effects(
        values({0: [100, 200, 100, 400], 1: [110, 220, 990, 440], 2: [90, 180, 90, 360]})
    )
    assert found[0] / found[2] == pytest.approx(100 / 90)
    assert found[1] / found[2] == pytest.approx(110 / 90)


def test_values_that_may_be_zero_keep_their_scale() -> None:
    """What has no logarithm is added and not multiplied: two blocks, the second one 10 higher for all."""
    found = remove_block_effects(values({0: [0, 10], 1: [-1, 9], 2: [1, 11]}))
    assert (found[0] - found[1], found[2] - found[1]) == (1, 2)


def test_one_instance_alone_has_the_median_of_its_slots() -> None:
    """There is nobody to say what a block did."""
    assert remove_block_effects(values({0: [100, 300, 110]}))[0] == pytest.approx(110)


@given(
    st.lists(st.floats(0.25, 4), min_size=1, max_size=8),
    st.lists(st.floats(10, 1000), min_size=1, max_size=6),
)
def test_whatever_blocks_do_to_all_cancels(blocks: list[float], instances: list[float]) -> None:
    """Ratios between instances are the true ones, however the machine's speed moves."""
    found = remove_block_effects(
        values({i: [level * speed for speed in blocks] for i, level in enumerate(instances)})
    )
    assert [found[i] / found[0] for i in found] == pytest.approx(
        [level / instances[0] for level in instances]
    )


def test_a_block_is_a_turn_of_all_instances() -> None:
    """As dealt, whichever instance comes first; the blocks of each batch are its own."""
    seen = [Seen(instance) for instance in (0, 1, 2, 3, 2, 0, 3, 1)]
    assert observe(seen).blocks() == [(0, 0)] * 4 + [(0, 1)] * 4


def simulated(dice: random.Random, slower: float, *, slots: int = 13, each: int = 16) -> dict[int, Values]:
    """The slots of two arms of so many instances each, the later ones slower by a factor."""
    own = {i: dice.gauss(0, INSTANCES) + math.log(slower) * (i >= each) for i in range(2 * each)}
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for block in range(slots):
        of_block = dice.gauss(0, BLOCKS)
        for instance in deal(2 * each, 2 * each, block):
            level = own[instance] + of_block + dice.gauss(0, WITHIN)
            found[instance].append((block, 100 * math.exp(level)))
    return dict(found)


def test_intervals_cover_the_truth_and_are_narrower_than_by_medians() -> None:
    """Of 600 simulated comparisons of arms 3 % apart, at most 2.5 % miss at 99 %, as by chance 1 % would.

    Half-widths are held against those by medians of slots, which waste more of the noise and keep the
    block's part.
    """
    dice = random.Random(20261126)  # noqa: S311 - a reproducible simulation
    missed, narrower = 0, []
    for _ in range(600):
        slots = simulated(dice, 1.03)
        by_block = remove_block_effects(slots)
        by_median = {instance: median(value for _, value in own) for instance, own in slots.items()}
        new, old = (
            ratio([by[i] for i in range(16)], [by[i] for i in range(16, 32)], 0.99)
            for by in (by_block, by_median)
        )
        missed += not new.low <= 1.03 <= new.high
        narrower.append(math.log(new.high / new.low) / math.log(old.high / old.low))
    assert missed <= 15
    assert fmean(narrower) < 0.8
    assert stdev(narrower) < 0.2
