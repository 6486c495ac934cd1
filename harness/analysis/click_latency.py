"""Turns clicks into medians of batches, and these into ratios with intervals and verdicts. Pure.

The unit of analysis is the batch, not the click: all clicks of a batch share servers and browser contexts,
which differ systematically from those of the next batch for their whole lifetime (docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import starmap
from operator import sub
from statistics import median
from typing import Final

from harness.analysis.stats import estimate, verdict
from harness.analysis.stats.estimate import Estimate, Ratio
from harness.results.base import Interval, Model, Verdict

#: Confidence level of intervals and verdicts; the default of suites.
CONFIDENCE: Final = 0.99
#: Equivalence margin, as a fraction; the default of suites.
MARGIN: Final = 0.03
#: p-value below which a difference between two servers of one scheme is a warning, as in a run's A/A check.
_SUSPICIOUS_P: Final = 0.001


class Click(Model):
    """One click; the fields are described in `browserlab.experiments.wait`."""

    server: str
    origin: str
    preflights: str
    round: int
    preflights_seen: int
    received_ms: float
    answered_ms: float
    rendered_ms: float

    @property
    def case(self) -> Case:
        """Return server, origin and preflights."""
        return self.server, self.origin, self.preflights


#: Server, origin, preflights.
Case = tuple[str, str, str]
#: Clicks on one set of servers, in one set of browser contexts.
Batch = Sequence[Click]


@dataclass(frozen=True)
class Mean:
    """Mean over batches with its t interval at `CONFIDENCE`; None for a single batch."""

    value: float
    ci: Interval


@dataclass(frozen=True)
class Wait:
    """Latency that users see in one case: means of the batches' medians, ms.

    Attributes:
        server: Server that answered the calls.
        origin: Whether the page has the API's origin or another.
        preflights: Whether the browser may cache them.
        clicks: Number of clicks in all batches.
        preflights_seen: Number of preflights for all clicks.
        received_ms: Time from the click to the arrival of the answer's last byte.
        answered_ms: Time from the click to the answer in the page.
        rendered_ms: Time from the click until the answer was drawn.
    """

    server: str
    origin: str
    preflights: str
    clicks: int
    preflights_seen: int
    received_ms: Mean | None
    answered_ms: Mean | None
    rendered_ms: Mean | None


@dataclass(frozen=True)
class Pair:
    """Comparison of two cases, click by click of the same round, and batch by batch.

    Attributes:
        asks: Name of the comparison, `arm / base`.
        received_ratio: Ratio of the times to the answer's last byte, arm over base: geometric mean of the
            batches' medians. None with fewer than two batches.
        received_ms: Arm minus base: mean of the batches' medians.
        answered_ratio: As `received_ratio`, until the answer was in the page.
        answered_ms: As `received_ms`, until the answer was in the page.
        rendered_ms: As `received_ms`, until the answer was drawn.
        verdict: Verdict on `answered_ratio`; Holm's adjustment is over all pairs that are judged.
    """

    asks: str
    received_ratio: Mean | None
    received_ms: Mean | None
    answered_ratio: Mean | None
    answered_ms: Mean | None
    rendered_ms: Mean | None
    verdict: Verdict


@dataclass(frozen=True)
class Noise:
    """Difference between two servers of one scheme, which should be none.

    Attributes:
        pair: Comparison of the two, without a verdict.
        floor: Half-width of its ratio's interval, as a fraction; None with fewer than two batches.
        suspicious: Whether they differ by more than chance (p < 0.001).
    """

    pair: Pair
    floor: float | None
    suspicious: bool


_SAME_ORIGIN: Final = ("own origin", "none")
_REMEMBERED: Final = ("another origin", "remembered")
_EACH_TIME: Final = ("another origin", "each time")
#: Pairs that are judged: name, arm, base.
_PAIRS: Final[tuple[tuple[str, Case, Case], ...]] = (
    ("token / cookie, own origin", ("token", *_SAME_ORIGIN), ("cookie", *_SAME_ORIGIN)),
    ("token / cookie, another origin", ("token", *_REMEMBERED), ("cookie", *_REMEMBERED)),
    ("token / cookie, preflights each time", ("token", *_EACH_TIME), ("cookie", *_EACH_TIME)),
    ("another origin / own, token", ("token", *_REMEMBERED), ("token", *_SAME_ORIGIN)),
    ("another origin / own, cookie", ("cookie", *_REMEMBERED), ("cookie", *_SAME_ORIGIN)),
    ("preflights each time / remembered, token", ("token", *_EACH_TIME), ("token", *_REMEMBERED)),
    ("preflights each time / remembered, cookie", ("cookie", *_EACH_TIME), ("cookie", *_REMEMBERED)),
    ("cookie / static answer, own origin", ("cookie", *_SAME_ORIGIN), ("static", *_SAME_ORIGIN)),
)
_AA_PAIR: Final[tuple[str, Case, Case]] = (
    "A/A: cookie / cookie, two servers",
    ("cookie-again", *_SAME_ORIGIN),
    ("cookie", *_SAME_ORIGIN),
)


def as_meant(batches: Sequence[Batch]) -> list[Batch]:
    """Return the batches without clicks that sent a preflight again, since the cached one had expired."""
    return [
        [click for click in batch if click.preflights != "remembered" or not click.preflights_seen]
        for batch in batches
    ]


def waits(batches: Sequence[Batch]) -> list[Wait]:
    """Return one row per case: the API's own origin first, the servers of a case next to each other."""
    cases = sorted(
        {click.case for batch in batches for click in batch},
        key=lambda case: (case[1] != _SAME_ORIGIN[0], case[2], case[0]),
    )
    return [
        _wait(case, [[click for click in batch if click.case == case] for batch in batches]) for case in cases
    ]


def pairs(batches: Sequence[Batch]) -> list[Pair]:
    """Return one row per comparison."""
    ratios = [_ratio(batches, arm, base, "answered_ms") for _, arm, base in _PAIRS]
    judged = [ratio for ratio in ratios if ratio]
    answers = iter(verdict.judge(judged, confidence=CONFIDENCE, margin=MARGIN))
    return [
        _pair(batches, pair, ratio, next(answers) if ratio else "not judged")
        for pair, ratio in zip(_PAIRS, ratios, strict=True)
    ]


def noise(batches: Sequence[Batch]) -> Noise:
    """Return the difference between two servers of one scheme."""
    _, arm, base = _AA_PAIR
    ratio = _ratio(batches, arm, base, "answered_ms")
    pair = _pair(batches, _AA_PAIR, ratio, "not judged")
    if ratio is None:
        return Noise(pair, None, suspicious=False)
    return Noise(pair, ratio.noise_floor, ratio.p_equal < _SUSPICIOUS_P)


def _wait(case: Case, batches: Sequence[Batch]) -> Wait:
    def mean(time: str) -> Mean | None:
        return _mean([median(getattr(click, time) for click in batch) for batch in batches if batch])

    return Wait(
        *case,
        clicks=sum(map(len, batches)),
        preflights_seen=sum(click.preflights_seen for batch in batches for click in batch),
        received_ms=mean("received_ms"),
        answered_ms=mean("answered_ms"),
        rendered_ms=mean("rendered_ms"),
    )


def _pair(
    batches: Sequence[Batch], cases: tuple[str, Case, Case], ratio: Ratio | None, answer: Verdict
) -> Pair:
    name, arm, base = cases
    differences = {
        time: _mean(_medians(batches, arm, base, time, sub))
        for time in ("received_ms", "answered_ms", "rendered_ms")
    }
    return Pair(
        name,
        received_ratio=_as_mean(_ratio(batches, arm, base, "received_ms")),
        answered_ratio=_as_mean(ratio),
        verdict=answer,
        **differences,
    )


def _ratio(batches: Sequence[Batch], arm: Case, base: Case, time: str) -> Ratio | None:
    """Return arm over base with Student's t interval over batches; None with fewer than two batches."""
    logs = _medians(batches, arm, base, time, lambda of_arm, of_base: math.log(of_arm / of_base))
    if len(logs) < 2:
        return None
    mean = estimate.weighted_sum([(1.0, logs)])
    value, low, high = mean.ratio(CONFIDENCE)
    return Ratio(value, low, high, mean.p_value(0), noise_floor=high / value - 1)


def _medians(
    batches: Sequence[Batch], arm: Case, base: Case, time: str, difference: Callable[[float, float], float]
) -> list[float]:
    """Return the median of each batch over the differences between times of clicks of the same round."""
    medians = []
    for batch in batches:
        by_round = {click.round: getattr(click, time) for click in batch if click.case == arm}
        times = [
            (by_round[click.round], getattr(click, time))
            for click in batch
            if click.case == base and click.round in by_round
        ]
        if times:
            medians.append(median(starmap(difference, times)))
    return medians


def _mean(points: Sequence[float]) -> Mean | None:
    return _as_mean(estimate.mean(points, CONFIDENCE)) if points else None


def _as_mean(value: Estimate | None) -> Mean | None:
    return None if value is None else Mean(value.value, value.ci)
