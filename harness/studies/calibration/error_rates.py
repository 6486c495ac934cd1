"""Error rates with intervals, from trials, and the goals for them (docs/method.md). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from scipy.special import bdtr, betaincinv

from harness.studies.calibration.trial_kinds import KINDS, RATES, Trial
from harness.studies.goals import Goal

#: Confidence of the intervals of rates.
_CONFIDENCE: Final = 0.95
#: Threshold above which back-to-back runs of a load generator are taken for a difference.
USUAL_THRESHOLD: Final = 0.05
OURS: Final = "this tool"
#: Number of trials of a kind that the goals refer to.
_TRIALS: Final = 40
#: Maximum of false alarms with the same code, and minimum of detected slowdowns, in that many trials.
_ALARMS: Final = 1
_DETECTED: Final = {"slower-3": 36, "slower-5": 39}
_SECONDS: Final = 60


@dataclass(frozen=True)
class Rate:
    """Number of events in a number of trials, with the 95 % Clopper-Pearson (1934) interval of the rate."""

    happened: int
    trials: int
    low: float
    high: float

    @property
    def ci(self) -> tuple[float, float]:
        """Return both ends of the interval."""
        return self.low, self.high


def rate(happened: int, trials: int) -> Rate:
    """Return a rate with its exact interval, which is 0 to 1 without trials."""
    tail = (1 - _CONFIDENCE) / 2
    low = float(betaincinv(happened, trials - happened + 1, tail)) if happened else 0.0
    high = float(betaincinv(happened + 1, trials - happened, 1 - tail)) if happened < trials else 1.0
    return Rate(happened, trials, low, high)


@dataclass(frozen=True)
class MedianWithInterval:
    """A median with its 95 % interval, from two of the values; None if there are too few."""

    value: float
    ci: tuple[float, float] | None


def to_json(name: str, figure: Rate | MedianWithInterval | None) -> dict[str, Any]:
    """Return a number and its 95 % interval, both None if there is no number."""
    if figure is None:
        return {name: None, f"{name}_ci": None}
    return {name: figure.happened if isinstance(figure, Rate) else figure.value, f"{name}_ci": figure.ci}


def middle(values: Iterable[float | None]) -> MedianWithInterval | None:
    """Return the median of the values that are not None, with its interval from order statistics.

    The ends are the k-th smallest and the k-th largest value, k from the binomial distribution (David and
    Nagaraja, "Order Statistics", 2003, section 7.1). None without values.
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
    """Verdicts of one judge in all trials of one kind.

    Attributes:
        kind: Name in `KINDS`.
        judge: `this tool`, or the load generator that was run back to back.
        slower: Trials in which the changed arm was called slower.
        faster: Trials in which the changed arm was called faster.
        seconds: Time to a verdict in seconds; None if it was not measured.
        measured_added: Measured added work, as a fraction; None if no work was added.
        ratio: Changed over plain, of the primary metric, by this tool; None without a verdict.
        invalid: Trials with an invalid measurement, which have no verdict.
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
    """Return a row for each kind and judge: kinds in the order of `KINDS`, this tool first."""
    table = []
    for kind in KINDS:
        of_kind = [trial for trial in trials if trial.kind == kind]
        if of_kind:
            table.append(_row(kind, OURS, of_kind, [trial.verdict for trial in of_kind]))
            for tool in dict.fromkeys(tool for trial in of_kind for tool in trial.usual):
                judged = [trial for trial in of_kind if tool in trial.usual]
                verdicts = [usual(*trial.usual[tool]) for trial in judged]
                table.append(_row(kind, tool, judged, verdicts))
    return table


def usual(plain: float, changed: float) -> str:
    """Return the verdict of a comparison of two rates from back-to-back runs."""
    if changed < plain * (1 - USUAL_THRESHOLD):
        return "slower"
    return "faster" if changed > plain * (1 + USUAL_THRESHOLD) else "no difference"


def _row(kind: str, judge: str, trials: Sequence[Trial], verdicts: Sequence[str | None]) -> ErrorRates:
    ours = judge == OURS
    return ErrorRates(
        kind,
        judge,
        slower=rate(verdicts.count("slower"), len(trials)),
        faster=rate(verdicts.count("faster"), len(trials)),
        seconds=middle(trial.seconds for trial in trials) if ours else None,
        measured_added=middle(trial.measured_added for trial in trials),
        ratio=middle(trial.ratio for trial in trials if trial.verdict) if ours else None,
        invalid=sum(trial.verdict is None for trial in trials) if ours else 0,
    )


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the output of `bench.py verify trials --json`.

    `aa` and `slowdowns` are the rates of this tool; `usual` has the same of the load generators; `shapes`
    has the verdicts on the other kinds. Rates, and medians of `seconds`, `measured_added` and `ratio`
    (changed over plain, of trials with a verdict), have 95 % intervals.
    """
    table = rows(trials)
    by_key = {(row.kind, row.judge): row for row in table}
    tools = dict.fromkeys(row.judge for row in table if row.judge != OURS)
    return {
        **_rates({kind.name: by_key.get((kind.name, OURS)) for kind in RATES}),
        "usual": {
            tool: _rates({kind.name: by_key.get((kind.name, tool)) for kind in RATES}) for tool in tools
        },
        "shapes": [
            {
                "kind": row.kind,
                "trials": row.slower.trials,
                "slower": row.slower.happened,
                "faster": row.faster.happened,
                **to_json("ratio", row.ratio),
                "invalid": row.invalid,
                "warned": sorted(
                    {check for trial in trials if trial.kind == row.kind for check in trial.warned}
                ),
                "checks": sorted(
                    {check for trial in trials if trial.kind == row.kind for check in trial.invalid}
                ),
            }
            for row in table
            if row.judge == OURS and KINDS[row.kind] not in RATES
        ],
    }


def alarms(row: ErrorRates) -> Rate:
    """Return the rate of trials with a verdict in which the same code was called different."""
    return rate(row.slower.happened + row.faster.happened, row.slower.trials - row.invalid)


def _rates(by_kind: dict[str, ErrorRates | None]) -> dict[str, Any]:
    same = by_kind["aa"]
    return {
        "aa": None
        if same is None
        else {
            "trials": same.slower.trials,
            **to_json("alarms", alarms(same)),
            "invalid": same.invalid,
            **to_json("seconds", same.seconds),
        },
        "slowdowns": [
            {
                "added": KINDS[name].added,
                **to_json("measured_added", row.measured_added),
                "trials": row.slower.trials,
                **to_json("detected", row.slower),
                "called_faster": row.faster.happened,
                "invalid": row.invalid,
                **to_json("seconds", row.seconds),
            }
            for name, row in by_kind.items()
            if row is not None and KINDS[name].added
        ],
    }


def goals(trials: Sequence[Trial]) -> list[Goal]:
    """Return the goals, with the values from these trials; none is reached or missed by too few trials."""
    by_kind = {row.kind: row for row in rows(trials) if row.judge == OURS}
    stated = []
    if same := by_kind.get("aa"):
        counted = alarms(same)
        is_met = counted.happened / max(counted.trials, 1) <= _ALARMS / _TRIALS
        stated.append(_goal(f"the same code at most {_ALARMS} called different", counted, is_met))
    for name, least in _DETECTED.items():
        if row := by_kind.get(name):
            is_met = row.slower.happened / row.slower.trials >= least / _TRIALS
            stated.append(_goal(f"{KINDS[name].title} at least {least} called slower", row.slower, is_met))
    timed = middle(trial.seconds for trial in trials if KINDS.get(trial.kind) in RATES)
    if timed is not None:
        text = f"median time to a verdict at most {_SECONDS} s"
        stated.append(Goal(text, f"{timed.value:.0f} s", timed.value <= _SECONDS))
    return stated


def _goal(text: str, counted: Rate, is_met: bool) -> Goal:
    figure = f"{counted.happened} of {counted.trials}"
    return Goal(f"of {_TRIALS} trials with {text}", figure, is_met if counted.trials >= _TRIALS else None)
