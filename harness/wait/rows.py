"""From clicks to medians and to ratios of pairs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

from harness.calibrate.rows import Middle, middle


class Click(BaseModel):
    """One click; `browserlab.experiments.wait` says what each field is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: str
    origin: str
    preflights: str
    round: int
    preflights_seen: int
    answered_ms: float
    rendered_ms: float

    @property
    def case(self) -> tuple[str, str, str]:
        """What was tried."""
        return self.scheme, self.origin, self.preflights


@dataclass(frozen=True)
class Wait:
    """How long users waited in one case: medians with intervals at 95 %, ms.

    Attributes:
        scheme: Of the server.
        origin: How the page's stands to the API's.
        preflights: Whether the browser may remember them.
        clicks: How many there were.
        preflights_seen: For all of them.
        answered_ms: From the click to the answer in the page.
        rendered_ms: From the click until it was drawn.
    """

    scheme: str
    origin: str
    preflights: str
    clicks: int
    preflights_seen: int
    answered_ms: Middle | None
    rendered_ms: Middle | None


@dataclass(frozen=True)
class Pair:
    """Two cases, click by click of the same round: medians with intervals at 95 %.

    Attributes:
        asks: What is compared, `arm / base`.
        answered_ratio: Of the waits for the answer, arm over base.
        answered_ms: Arm less base.
        rendered_ms: The same until it was drawn.
    """

    asks: str
    answered_ratio: Middle | None
    answered_ms: Middle | None
    rendered_ms: Middle | None

    @property
    def verdict(self) -> str:
        """Whether the interval of the ratio lies on one side of 1."""
        if self.answered_ratio is None or self.answered_ratio.ci is None:
            return "too few clicks"
        low, high = self.answered_ratio.ci
        if low > 1:
            return "slower"
        return "faster" if high < 1 else "undecided"


_HOME: Final = ("own origin", "none")
_REMEMBERED: Final = ("another origin", "remembered")
_EACH_TIME: Final = ("another origin", "each time")
#: What is compared: its name, the arm, the base.
_PAIRS: Final = (
    ("token / cookie, own origin", ("token", *_HOME), ("cookie", *_HOME)),
    ("token / cookie, another origin", ("token", *_REMEMBERED), ("cookie", *_REMEMBERED)),
    ("token / cookie, preflights each time", ("token", *_EACH_TIME), ("cookie", *_EACH_TIME)),
    ("another origin / own, token", ("token", *_REMEMBERED), ("token", *_HOME)),
    ("another origin / own, cookie", ("cookie", *_REMEMBERED), ("cookie", *_HOME)),
    ("preflights each time / remembered, token", ("token", *_EACH_TIME), ("token", *_REMEMBERED)),
    ("preflights each time / remembered, cookie", ("cookie", *_EACH_TIME), ("cookie", *_REMEMBERED)),
)


def waits(clicks: Sequence[Click]) -> list[Wait]:
    """A row a case: the API's own origin first, the schemes of a case side by side."""
    cases = sorted({click.case for click in clicks}, key=lambda case: (case[1] != _HOME[0], case[2], case[0]))
    return [_wait(case, [click for click in clicks if click.case == case]) for case in cases]


def pairs(clicks: Sequence[Click]) -> list[Pair]:
    """A row a comparison."""
    by_case = {(click.case, click.round): click for click in clicks}
    rounds = sorted({click.round for click in clicks})
    return [
        _pair(asks, [(by_case[arm, one], by_case[base, one]) for one in rounds]) for asks, arm, base in _PAIRS
    ]


def _wait(case: tuple[str, str, str], clicks: Sequence[Click]) -> Wait:
    return Wait(
        *case,
        clicks=len(clicks),
        preflights_seen=sum(click.preflights_seen for click in clicks),
        answered_ms=middle(click.answered_ms for click in clicks),
        rendered_ms=middle(click.rendered_ms for click in clicks),
    )


def _pair(asks: str, both: Sequence[tuple[Click, Click]]) -> Pair:
    def differences(of: Callable[[Click], float]) -> Iterator[float]:
        return (of(arm) - of(base) for arm, base in both)

    return Pair(
        asks,
        answered_ratio=middle(arm.answered_ms / base.answered_ms for arm, base in both),
        answered_ms=middle(differences(lambda click: click.answered_ms)),
        rendered_ms=middle(differences(lambda click: click.rendered_ms)),
    )
