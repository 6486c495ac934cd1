"""How runs differ, and that a gate against a baseline knows it: by hand, and by simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from harness.analysis.stats.estimate import WeightedSum
from harness.gate import questions
from harness.gate.between_batches import Spread, between_batches
from harness.gate.judge import Judge
from harness.gate.questions import GateQuestion
from harness.results.metrics import confidence_of_a_look
from harness.results.model import Measurement
from tests.harness.gate.test_judge import CONFIDENCE, JUDGED, found, row, suite

ARMS = {"anonymous": 24.0, "token": 80.0, "cookie": 96.0}
METRICS = ("total_cpu", "service_p50")


def measured(arm: str, batches: Sequence[Sequence[float]], metric: str = "total_cpu") -> Measurement:
    """An arm's points, batch by batch."""
    return row(arm, metric, 1, [point for batch in batches for point in batch], [len(b) for b in batches])


def test_the_spread_is_of_ratios_between_batches() -> None:
    """Both arms slower alike is none; ratios of 2 and 2.2 differ by ln(1.1), so by ln(1.1)/sqrt(2) s.d."""
    base = measured("anonymous", [[1, 1], [3, 3]])
    level = between_batches([(base, measured("token", [[2, 2], [6, 6]]))])
    assert level is not None
    assert level.deviation == pytest.approx(0, abs=1e-12)
    moved = between_batches([(base, measured("token", [[2, 2], [6.6, 6.6]]))])
    assert moved is not None
    assert moved.deviation == pytest.approx(math.log(1.1) / math.sqrt(2))
    assert moved.freedom == 1


def test_ratios_to_one_floor_tell_less_than_as_many_of_their_own() -> None:
    """Two of them have 2 degrees of freedom, of which a correlation of a half leaves 1.6."""
    base = measured("anonymous", [[1, 1], [1, 1]])
    both = between_batches([(base, measured(arm, [[2, 2], [2, 2]])) for arm in ("token", "cookie")])
    assert both is not None
    assert both.freedom == pytest.approx(1.6)


def test_one_batch_tells_nothing() -> None:
    """Nor does a metric that is counted."""
    assert between_batches([(measured("a", [[1, 1]]), measured("b", [[2, 2]]))]) is None


def test_a_difference_is_never_surer_than_batches_are_alike() -> None:
    """The wider of the two errors holds, with its own degrees of freedom."""
    spread = Spread(0.02, 4)
    widened = spread.widened(WeightedSum(0.1, 0.001, 30), 3, 1)
    assert (widened.value, widened.freedom) == (0.1, 4)
    assert widened.error == pytest.approx(0.02 * math.sqrt(4 / 3))
    wide = WeightedSum(0.1, 0.05, 30)
    assert spread.widened(wide, 3, 1) is wide


def test_what_a_baseline_lacks_is_named() -> None:
    """An arm, a scenario under the same load, batches: none is passed over in silence."""
    whole = rows([batch(random.Random(1), 0.01, 1) for _ in range(3)])  # noqa: S311 - a simulation
    assert questions.gaps(suite(), found(whole)) == []
    without = [one for one in whole if one.arm != "cookie"]
    assert questions.gaps(suite(), found(without)) == ["it has no cookie in saturation (closed, 8 users)"]
    other = [one.model_copy(update={"load": "closed, 9 users"}) for one in whole]
    assert "no anonymous, token, cookie in" in questions.gaps(suite(), found(other))[0]
    single = rows([batch(random.Random(1), 0.01, 1)])  # noqa: S311 - a simulation
    single = [one.model_copy(update={"batches": []}) for one in single]
    assert "one batch" in questions.gaps(suite(), found(single))[0]


def batch(rng: random.Random, between: float, slower: float) -> dict[tuple[str, str], list[float]]:
    """Eight fresh processes of each arm, at a time that moves each arm by itself."""
    moods = {arm: rng.lognormvariate(0, between) for arm in ARMS}
    return {
        (arm, metric): [
            cost * moods[arm] * (slower if arm == "cookie" else 1) * rng.lognormvariate(0, 0.01)
            for _ in range(8)
        ]
        for arm, cost in ARMS.items()
        for metric in METRICS
    }


def rows(batches: Sequence[dict[tuple[str, str], list[float]]]) -> list[Measurement]:
    """The measurements of so many batches."""
    return [measured(arm, [b[arm, metric] for b in batches], metric) for arm in ARMS for metric in METRICS]


def gate(rng: random.Random, between: float, slower: float, *, knowing: bool = True) -> set[str]:
    """The answers of a check against a baseline of three batches, after up to three looks of its own."""
    then = rows([batch(rng, between, 1) for _ in range(3)])
    asked: list[GateQuestion] = questions.against_baseline(suite(), found(then), "anonymous", JUDGED, 0.05)
    if not knowing:  # as if the instances' own scatter were all there is
        single = [one.model_copy(update={"batches": []}) for one in then]
        asked = questions.against_baseline(suite(), found(single), "anonymous", JUDGED, 0.05)
    judge = Judge(asked, confidence_of_a_look(CONFIDENCE, 3))
    batches = []
    for _ in range(3):
        batches.append(batch(rng, between, slower))
        answers = {str(one.answer) for one in judge.answers(rows(batches))} - {"not judged"}
        if "inconclusive" not in answers:
            break
    return answers


@pytest.mark.slow
def test_runs_that_differ_do_not_cry_wolf() -> None:
    """Batches differ by 5 % an arm, the code by nothing: no alarm in fifty; a naive gate has some."""
    rng = random.Random(7)  # noqa: S311 - a simulation
    knowing = sum("regression" in gate(rng, 0.05, 1) for _ in range(50))
    naive = sum("regression" in gate(rng, 0.05, 1, knowing=False) for _ in range(50))
    assert knowing == 0
    assert naive >= 2


def test_a_steady_machine_still_tells() -> None:
    """Batches differ by 0.3 %: the same code passes, 15 % more in one arm is caught, nine times of ten."""
    rng = random.Random(8)  # noqa: S311 - a simulation
    assert sum(gate(rng, 0.003, 1) == {"pass"} for _ in range(40)) >= 36
    assert sum("regression" in gate(rng, 0.003, 1.15) for _ in range(40)) >= 36
