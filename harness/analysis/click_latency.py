"""From clicks to medians of batches, and from these to ratios with intervals and verdicts. Pure.

The unit is the batch, not the click: all clicks of a batch share servers and browser contexts, which differ
from those of the next one for as long as they live (docs/method.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import median
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from harness.analysis.stats import estimate, verdict
from harness.analysis.stats.estimate import Ratio

#: Of intervals and verdicts, as in suites that say nothing else.
CONFIDENCE: Final = 0.99
#: What is called equivalent, the same way.
MARGIN: Final = 0.03
#: Two servers of one scheme that differ as surely as this are a warning: so does an A/A check of a run.
_SUSPICIOUS_P: Final = 0.001


class Click(BaseModel):
    """One click; `browserlab.experiments.wait` says what each field is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
        """What was tried."""
        return self.server, self.origin, self.preflights

    @property
    def as_meant(self) -> bool:
        """Whether it was what its case says: browsers forget a preflight when its time is up."""
        return self.preflights != "remembered" or not self.preflights_seen


#: Server, origin, preflights.
Case = tuple[str, str, str]
#: The clicks on one set of servers, in one set of browser contexts.
Batch = Sequence[Click]


@dataclass(frozen=True)
class Mean:
    """A mean over batches with its t interval at `CONFIDENCE`, None of a single batch."""

    value: float
    ci: tuple[float, float] | None


@dataclass(frozen=True)
class Wait:
    """How long users waited in one case: means of the batches' medians, ms.

    Attributes:
        server: By what the call was answered.
        origin: How the page's stands to the API's.
        preflights: Whether the browser may remember them.
        clicks: How many there were, in all batches.
        preflights_seen: For all of them.
        received_ms: From the click to the arrival of the answer's last byte.
        answered_ms: From the click to the answer in the page.
        rendered_ms: From the click until it was drawn.
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
    """Two cases, compared click by click of the same round, and batch by batch.

    Attributes:
        asks: What is compared, `arm / base`.
        received_ratio: Of the waits for the answer's last byte, arm over base: geometric mean of the batches'
            medians. None with fewer than two batches.
        received_ms: Arm less base: mean of the batches' medians.
        answered_ratio: As `received_ratio`, until the answer was in the page.
        answered_ms: As `received_ms`, until the answer was in the page.
        rendered_ms: The same until it was drawn.
        verdict: On `answered_ratio`, as everywhere; Holm's adjustment is over all pairs that are judged.
    """

    asks: str
    received_ratio: Mean | None
    received_ms: Mean | None
    answered_ratio: Mean | None
    answered_ms: Mean | None
    rendered_ms: Mean | None
    verdict: verdict.Answer | Literal["not judged"]


@dataclass(frozen=True)
class Noise:
    """What two servers of one scheme differ by: nothing, if all is well.

    Attributes:
        pair: Their comparison, which is not judged.
        floor: Half-width of its ratio's interval, as a fraction; None with fewer than two batches.
        suspicious: Whether they differ more than chance explains (p < 0.001).
    """

    pair: Pair
    floor: float | None
    suspicious: bool


_received: Final = attrgetter("received_ms")
_answered: Final = attrgetter("answered_ms")
_rendered: Final = attrgetter("rendered_ms")

_HOME: Final = ("own origin", "none")
_REMEMBERED: Final = ("another origin", "remembered")
_EACH_TIME: Final = ("another origin", "each time")
#: What is judged: its name, the arm, the base.
_PAIRS: Final[tuple[tuple[str, Case, Case], ...]] = (
    ("token / cookie, own origin", ("token", *_HOME), ("cookie", *_HOME)),
    ("token / cookie, another origin", ("token", *_REMEMBERED), ("cookie", *_REMEMBERED)),
    ("token / cookie, preflights each time", ("token", *_EACH_TIME), ("cookie", *_EACH_TIME)),
    ("another origin / own, token", ("token", *_REMEMBERED), ("token", *_HOME)),
    ("another origin / own, cookie", ("cookie", *_REMEMBERED), ("cookie", *_HOME)),
    ("preflights each time / remembered, token", ("token", *_EACH_TIME), ("token", *_REMEMBERED)),
    ("preflights each time / remembered, cookie", ("cookie", *_EACH_TIME), ("cookie", *_REMEMBERED)),
    ("cookie / static answer, own origin", ("cookie", *_HOME), ("static", *_HOME)),
)
_SAME: Final[tuple[str, Case, Case]] = (
    "A/A: cookie / cookie, two servers",
    ("cookie-again", *_HOME),
    ("cookie", *_HOME),
)


def as_meant(batches: Sequence[Batch]) -> list[Batch]:
    """The batches less the clicks that met a preflight which should have been remembered."""
    return [[click for click in batch if click.as_meant] for batch in batches]


def waits(batches: Sequence[Batch]) -> list[Wait]:
    """A row a case: the API's own origin first, the servers of a case side by side."""
    cases = sorted(
        {click.case for batch in batches for click in batch},
        key=lambda case: (case[1] != _HOME[0], case[2], case[0]),
    )
    return [
        _wait(case, [[click for click in batch if click.case == case] for batch in batches]) for case in cases
    ]


def pairs(batches: Sequence[Batch]) -> list[Pair]:
    """A row a comparison."""
    ratios = [_ratio(batches, arm, base, _answered) for _, arm, base in _PAIRS]
    judged = verdict.judge([one for one in ratios if one], confidence=CONFIDENCE, margin=MARGIN)
    answers = iter(judged)
    return [
        _pair(batches, asked, ratio, next(answers) if ratio else "not judged")
        for asked, ratio in zip(_PAIRS, ratios, strict=True)
    ]


def noise(batches: Sequence[Batch]) -> Noise:
    """What two servers of one scheme differ by."""
    _, arm, base = _SAME
    ratio = _ratio(batches, arm, base, _answered)
    pair = _pair(batches, _SAME, ratio, "not judged")
    if ratio is None:
        return Noise(pair, None, suspicious=False)
    return Noise(pair, ratio.noise_floor, ratio.p_equal < _SUSPICIOUS_P)


def _wait(case: Case, batches: Sequence[Batch]) -> Wait:
    def mean(of: Callable[[Click], float]) -> Mean | None:
        return _mean([median(map(of, batch)) for batch in batches if batch])

    return Wait(
        *case,
        clicks=sum(map(len, batches)),
        preflights_seen=sum(click.preflights_seen for batch in batches for click in batch),
        received_ms=mean(_received),
        answered_ms=mean(_answered),
        rendered_ms=mean(_rendered),
    )


def _pair(
    batches: Sequence[Batch],
    asked: tuple[str, Case, Case],
    ratio: Ratio | None,
    answer: verdict.Answer | Literal["not judged"],
) -> Pair:
    asks, arm, base = asked

    def less(of: Callable[[Click], float]) -> list[float]:
        return _medians(batches, arm, base, lambda one, other: of(one) - of(other))

    return Pair(
        asks,
        received_ratio=_as_mean(_ratio(batches, arm, base, _received)),
        received_ms=_mean(less(_received)),
        answered_ratio=_as_mean(ratio),
        answered_ms=_mean(less(_answered)),
        rendered_ms=_mean(less(_rendered)),
        verdict=answer,
    )


def _ratio(batches: Sequence[Batch], arm: Case, base: Case, of: Callable[[Click], float]) -> Ratio | None:
    """Arm over base with Student's t interval over batches; None where there are fewer than two."""
    logs = _medians(batches, arm, base, lambda one, other: math.log(of(one) / of(other)))
    if len(logs) < 2:
        return None
    whole = estimate.weighted_sum([(1.0, logs)])
    value, low, high = whole.ratio(CONFIDENCE)
    return Ratio(value, low, high, whole.p_value(0), noise_floor=high / value - 1)


def _medians(
    batches: Sequence[Batch], arm: Case, base: Case, of: Callable[[Click, Click], float]
) -> list[float]:
    """Of what clicks of the same round differ by, one a batch."""
    medians = []
    for batch in batches:
        arms = {click.round: click for click in batch if click.case == arm}
        both = [(arms[click.round], click) for click in batch if click.case == base and click.round in arms]
        if both:
            medians.append(median(of(one, other) for one, other in both))
    return medians


def _as_mean(ratio: Ratio | None) -> Mean | None:
    return None if ratio is None else Mean(ratio.value, (ratio.low, ratio.high))


def _mean(points: Sequence[float]) -> Mean | None:
    if not points:
        return None
    found = estimate.mean(points, CONFIDENCE)
    ends = None if found.low is None or found.high is None else (found.low, found.high)
    return Mean(found.value, ends)
