"""Search for the highest load that a server sustains, one slot after the other. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

#: The first step, which is also the longest, is by 50 %; the shortest is by 2.6 %.
_LONGEST_STEP: Final = math.log(1.5)
_SHORTEST_STEP: Final = _LONGEST_STEP / 16
#: From this step in one direction on, steps are doubled.
_STRIDE: Final = 4


class Staircase:
    """Rate of one instance: up after a slot that met the limit, down after one that did not.

    Steps are taken on logarithms, by the rules of PEST (Taylor and Creelman 1967, "PEST: Efficient estimates
    on probability functions"): halved whenever the direction turns, doubled from the fourth step in one
    direction on. So it converges fast, and a slot that a burst of noise spoiled costs a few steps but not the
    result. Once steps are short the rates scatter around the one at which half of the slots meet the limit.

    Attributes:
        rate: Arrivals per second in the next slot.
    """

    def __init__(self, start: float) -> None:
        self.rate = start
        self._step = _LONGEST_STEP
        self._went_up: bool | None = None
        self._in_a_row = 0

    @property
    def converged(self) -> bool:
        """Whether steps are short, so that `rate` is close to the result."""
        return self._step <= 4 * _SHORTEST_STEP

    def record(self, is_met: bool) -> None:
        """Set the next rate, after a slot that met the limit or did not."""
        if is_met == self._went_up:
            self._in_a_row += 1
            if self._in_a_row >= _STRIDE:
                self._step = min(2 * self._step, _LONGEST_STEP)
        else:
            self._in_a_row = 1
            if self._went_up is not None:
                self._step = max(self._step / 2, _SHORTEST_STEP)
        self._went_up = is_met
        self.rate *= math.exp(self._step if is_met else -self._step)


def meets_limit(response_ns: Sequence[int], dropped: int, limit_ns: int) -> bool:
    """Whether at least 99 % of all arrivals were answered within the limit; unsent ones count as late."""
    within = int(np.count_nonzero(np.asarray(response_ns, dtype=np.int64) <= limit_ns))
    return within >= 0.99 * (len(response_ns) + dropped)
