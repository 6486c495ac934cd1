"""From trials to error rates with intervals. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final

from scipy.special import bdtr, betaincinv

from harness.studies.calibration.trial_kinds import KINDS, RATES, Trial

#: Of the intervals of rates.
_CONFIDENCE: Final = 0.95
#: A fall or rise of the rate by more than this is called a difference by who judges the usual way.
USUAL_THRESHOLD: Final = 0.05
OURS: Final = "this instrument"


@dataclass(frozen=True)
class Rate:
    """How often something happened in so many trials, with the Clopper-Pearson (1934) interval at 95 %."""

    happened: int
    trials: int
    low: float
    high: float

    @property
    def ci(self) -> tuple[float, float]:
        """Both ends of the interval."""
        return self.low, self.high


def rate(happened: int, trials: int) -> Rate:
    """A rate with its exact interval; from 0 to 1 without any trial."""
    tail = (1 - _CONFIDENCE) / 2
    low = float(betaincinv(happened, trials - happened + 1, tail)) if happened else 0.0
    high = float(betaincinv(happened + 1, trials - happened, 1 - tail)) if happened < trials else 1.0
    return Rate(happened, trials, low, high)


@dataclass(frozen=True)
class MedianWithInterval:
    """A median with its interval at 95 %, which is two of the values; None where there are too few."""

    value: float
    ci: tuple[float, float] | None


def middle(values: Iterable[float | None]) -> MedianWithInterval | None:
    """The median of what is known, with the interval that order statistics give it.

    The k-th least and the k-th largest value, k from the binomial distribution (David and Nagaraja, "Order
    Statistics", 2003, section 7.1). None without any value.
    """
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    tail = (1 - _CONFIDENCE) / 2
    below = sum(bool(bdtr(k, len(known), 0.5) <= tail) for k in range(len(known)))
    ci = (known[below - 1], known[-below]) if below else None
    return MedianWithInterval(median(known), ci)


@dataclass(frozen=True)
class ErrorRates:
    """What one judge said in all trials of one kind.

    Attributes:
        kind: Name in `KINDS`.
        judge: `this instrument`, or the tool whose figures were judged the usual way.
        slower: Trials in which the changed arm was called slower.
        faster: Trials in which it was called faster.
        seconds: Time to a verdict; None where nobody counted.
        measured_added: The work that was really added, as a fraction; None where there was none.
        ratio: Changed over plain, of the primary metric, by this instrument; None without a verdict.
        invalid: Trials that were no measurement; they have no verdict.
    """

    kind: str
    judge: str
    slower: Rate
    faster: Rate
    seconds: MedianWithInterval | None
    measured_added: MedianWithInterval | None
    ratio: MedianWithInterval | None
    invalid: int


def rows(trials: Sequence[Trial]) -> list[ErrorRates]:
    """Every kind by every judge, ours first, kinds in the order of `KINDS`."""
    found = []
    for kind in KINDS:
        own = [trial for trial in trials if trial.kind == kind]
        if own:
            found.append(_row(kind, OURS, own, lambda trial: trial.verdict))
            for tool in dict.fromkeys(tool for trial in own for tool in trial.usual):
                judged = [trial for trial in own if tool in trial.usual]
                found.append(_row(kind, tool, judged, partial(_usual, tool)))
    return found


def _usual(tool: str, trial: Trial) -> str:
    return usual(*trial.usual[tool])


def usual(plain: float, changed: float) -> str:
    """What people say who hold two rates against each other, one measured after the other."""
    if changed < plain * (1 - USUAL_THRESHOLD):
        return "slower"
    return "faster" if changed > plain * (1 + USUAL_THRESHOLD) else "no difference"


def _row(kind: str, judge: str, own: Sequence[Trial], verdict: Callable[[Trial], str | None]) -> ErrorRates:
    said = [verdict(trial) for trial in own]
    ours = judge == OURS
    return ErrorRates(
        kind,
        judge,
        slower=rate(said.count("slower"), len(own)),
        faster=rate(said.count("faster"), len(own)),
        seconds=middle(trial.seconds for trial in own) if ours else None,
        measured_added=middle(trial.measured_added for trial in own),
        ratio=middle(trial.ratio for trial in own if trial.verdict) if ours else None,
        invalid=sum(trial.verdict is None for trial in own) if ours else 0,
    )


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """The figures as `bench.py verify trials --json` prints them.

    `aa` and `slowdowns` are this instrument's; `usual` has the same of every tool; `shapes` counts what was
    said of the other kinds. Rates, and medians of `seconds`, `measured_added` and `ratio` (changed over
    plain, of trials that had a verdict), have 95 % intervals.
    """
    table = rows(trials)
    by = {(row.kind, row.judge): row for row in table}
    tools = dict.fromkeys(row.judge for row in table if row.judge != OURS)
    return {
        **_rates({kind.name: by.get((kind.name, OURS)) for kind in RATES}),
        "usual": {tool: _rates({kind.name: by.get((kind.name, tool)) for kind in RATES}) for tool in tools},
        "shapes": [
            {
                "kind": row.kind,
                "trials": row.slower.trials,
                "slower": row.slower.happened,
                "faster": row.faster.happened,
                **_middle("ratio", row.ratio),
                "invalid": row.invalid,
                "warned": sorted({name for one in trials if one.kind == row.kind for name in one.warned}),
                "checks": sorted({name for one in trials if one.kind == row.kind for name in one.invalid}),
            }
            for row in table
            if row.judge == OURS and row.kind not in {kind.name for kind in RATES}
        ],
    }


def alarms(row: ErrorRates) -> Rate:
    """How often the same code was called different, of the trials that had a verdict."""
    return rate(row.slower.happened + row.faster.happened, row.slower.trials - row.invalid)


def _rates(by_kind: dict[str, ErrorRates | None]) -> dict[str, Any]:
    same = by_kind["aa"]
    return {
        "aa": None
        if same is None
        else {
            "trials": same.slower.trials,
            "alarms": alarms(same).happened,
            "alarms_ci": alarms(same).ci,
            "invalid": same.invalid,
            **_middle("seconds", same.seconds),
        },
        "slowdowns": [
            {
                "added": KINDS[name].added,
                **_middle("measured_added", row.measured_added),
                "trials": row.slower.trials,
                "detected": row.slower.happened,
                "detected_ci": row.slower.ci,
                "called_faster": row.faster.happened,
                "invalid": row.invalid,
                **_middle("seconds", row.seconds),
            }
            for name, row in by_kind.items()
            if row is not None and KINDS[name].added
        ],
    }


def _middle(name: str, one: MedianWithInterval | None) -> dict[str, Any]:
    return {name: None, f"{name}_ci": None} if one is None else {name: one.value, f"{name}_ci": one.ci}
