"""What the instrument is to reach (docs/method.md), held against trials. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.studies.calibration.error_rates import OURS, Rate, alarms, middle, rows
from harness.studies.calibration.trial_kinds import KINDS, RATES, Trial


@dataclass(frozen=True)
class CalibrationGoal:
    """What the instrument is to reach; `reached` is None while there are too few trials to say."""

    text: str
    figure: str
    reached: bool | None


#: So many trials of a kind the goals are stated for.
_TRIALS: Final = 40
#: Of these at most so many with the same code called different, and of a slowdown at least so many found.
_ALARMS: Final = 1
_DETECTED: Final = {"slower-3": 36, "slower-5": 39}
_SECONDS: Final = 60


def goals(trials: Sequence[Trial]) -> list[CalibrationGoal]:
    """The goals, with the figures that these trials give."""
    by = {row.kind: row for row in rows(trials) if row.judge == OURS}
    found = []
    if same := by.get("aa"):
        wrong = alarms(same)
        found.append(
            CalibrationGoal(
                f"of {_TRIALS} trials with the same code at most {_ALARMS} called different",
                f"{wrong.happened} of {wrong.trials}",
                _reached(wrong, wrong.happened / max(wrong.trials, 1) <= _ALARMS / _TRIALS),
            )
        )
    for name, least in _DETECTED.items():
        if row := by.get(name):
            share = row.slower.happened / row.slower.trials
            found.append(
                CalibrationGoal(
                    f"of {_TRIALS} trials with {KINDS[name].title} at least {least} called slower",
                    f"{row.slower.happened} of {row.slower.trials}",
                    _reached(row.slower, share >= least / _TRIALS),
                )
            )
    timed = middle(trial.seconds for trial in trials if trial.kind in {kind.name for kind in RATES})
    if timed is not None:
        text = f"median time to a verdict at most {_SECONDS} s"
        found.append(CalibrationGoal(text, f"{timed.value:.0f} s", timed.value <= _SECONDS))
    return found


def _reached(counted: Rate, holds: bool) -> bool | None:
    return holds if counted.trials >= _TRIALS else None
