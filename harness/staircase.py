"""How the highest load that a server bears is searched for, one slot after the other. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

#: The first step is by half as much again; at each reversal it is halved, down to the last.
_FIRST_STEP: Final = math.log(1.5)
_LAST_STEP: Final = _FIRST_STEP / 16


class Staircase:
    """The rate of one instance: up after a slot that held the limit, down after one that did not.

    Steps are taken on logarithms and halved whenever the direction turns (Kesten 1958, "Accelerated
    stochastic approximation"), so a mistake on the way is made good. Once they are at their smallest the
    rates scatter around the one at which half of the slots hold the limit (Levitt 1971, "Transformed up-down
    methods in psychoacoustics").

    Attributes:
        rate: Arrivals a second of the next slot.
    """

    def __init__(self, start: float) -> None:
        self.rate = start
        self._step = _FIRST_STEP
        self._went_up: bool | None = None

    @property
    def settled(self) -> bool:
        """Whether steps are at their smallest, so that `rate` is around what is searched for."""
        return self._step <= _LAST_STEP

    def saw(self, held: bool) -> None:
        """Go on after a slot at `rate` that held the limit, or did not."""
        if self._went_up is not None and held != self._went_up:
            self._step = max(self._step / 2, _LAST_STEP)
        self._went_up = held
        self.rate *= math.exp(self._step if held else -self._step)


def holds(response_ns: Sequence[int], dropped: int, limit_ns: int) -> bool:
    """Whether at least 99 % of all arrivals were answered within the limit, those never sent counted late."""
    within = int(np.count_nonzero(np.asarray(response_ns, dtype=np.int64) <= limit_ns))
    return within >= 0.99 * (len(response_ns) + dropped)
