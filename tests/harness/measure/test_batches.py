"""What a run says between its batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.analysis.stats.sequential import Pending
from harness.gate.run import _further_batches
from harness.measure.options import Options
from harness.measure.progress import Reporter
from harness.measure.result_builder import ResultBuilder
from harness.measure.run import Run
from harness.suites.model import Load, Scenario, Suite

SUITE = Suite(
    name="a-suite",
    title="A suite",
    arms=["token", "cookie"],
    scenarios=[Scenario(name="saturation", load=Load(model="closed", users=4), seconds=1)],
)
EVERYTHING = Pending(frozenset({0}), frozenset(SUITE.arms))


def told(
    undecided: Callable[[ResultBuilder], Pending], batch: int, limit_s: float = math.inf
) -> tuple[Pending, str]:
    """What is to follow a batch that nothing was found in, and what is said of it."""
    measuring = Run(SUITE, Options(Path(), until_decided_s=limit_s), undecided=undecided)
    measuring._batch = batch
    said = StringIO()
    following = measuring._next_batch(EVERYTHING, 10, Reporter(Console(file=said)))
    return following, said.getvalue().strip()


@pytest.mark.parametrize("batch", [1, 2])
def test_a_baseline_decides_nothing_and_says_so(batch: int) -> None:
    """Its batches were planned: which of how many follows."""
    following, words = told(partial(_further_batches, SUITE), batch)
    assert following.scenarios == EVERYTHING.scenarios
    assert words == f"batch {batch + 1} of 3 follows, with fresh server processes"


@pytest.mark.parametrize(
    ("batch", "limit_s", "follows", "words"),
    [
        (1, math.inf, True, "interim analysis 2 of 3 follows, with fresh server processes"),
        (3, math.inf, False, "that was the last of 3 interim analyses"),
        (1, 5, False, "another 10 s would not end within the limit"),
    ],
)
def test_what_waits_for_a_verdict_says_so(batch: int, limit_s: float, follows: bool, words: str) -> None:
    """And why it goes on, or does not."""
    following, said = told(lambda _: EVERYTHING, batch, limit_s)
    assert bool(following) == follows
    assert said == f"not decided yet: saturation (closed, 4 users); {words}"
