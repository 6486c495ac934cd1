"""Goals for the error rates (docs/method.md), compared with trials. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.studies.calibration.error_rates import OURS, Rate, alarms, middle, rows
from harness.studies.calibration.trial_kinds import KINDS, RATES, Trial


@dataclass(frozen=True)
class CalibrationGoal:
    """A goal of the calibration; `reached` is None while there are too few trials."""

    text: str
    figure: str
    reached: bool | None


#: Number of trials of a kind that the goals refer to.
_TRIALS: Final = 40
#: Maximum of false alarms with the same code, and minimum of detected slowdowns, in that many trials.
_ALARMS: Final = 1
_DETECTED: Final = {"slower-3": 36, "slower-5": 39}
_SECONDS: Final = 60


def goals(trials: Sequence[Trial]) -> list[CalibrationGoal]:
    """Return the goals, with the values from these trials."""
    by_kind = {row.kind: row for row in rows(trials) if row.judge == OURS}
    stated = []
    if same := by_kind.get("aa"):
        wrong = alarms(same)
        stated.append(
            CalibrationGoal(
                f"of {_TRIALS} trials with the same code at most {_ALARMS} called different",
                f"{wrong.happened} of {wrong.trials}",
                _reached(wrong, wrong.happened / max(wrong.trials, 1) <= _ALARMS / _TRIALS),
            )
        )
    for name, least in _DETECTED.items():
        if row := by_kind.get(name):
            share = row.slower.happened / row.slower.trials
            stated.append(
                CalibrationGoal(
                    f"of {_TRIALS} trials with {KINDS[name].title} at least {least} called slower",
                    f"{row.slower.happened} of {row.slower.trials}",
                    _reached(row.slower, share >= least / _TRIALS),
                )
            )
    timed = middle(trial.seconds for trial in trials if trial.kind in {kind.name for kind in RATES})
    if timed is not None:
        text = f"median time to a verdict at most {_SECONDS} s"
        stated.append(CalibrationGoal(text, f"{timed.value:.0f} s", timed.value <= _SECONDS))
    return stated


def _reached(counted: Rate, is_met: bool) -> bool | None:
    return is_met if counted.trials >= _TRIALS else None
