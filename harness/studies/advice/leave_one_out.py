"""How far the model is off at levels that it was not shown: each is foretold from all others. Pure."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Final

from harness.analysis.stats import sweeps
from harness.analysis.stats.linear_fit import LeftOut, LinearFit
from harness.results.model import Result
from harness.studies.advice.answer import HeldBackError

#: What is foretold, along what, and the line of a scheme.
_KINDS: Final[tuple[tuple[str, str, Callable[[Result, str], LinearFit | None]], ...]] = (
    ("median service time", "round trip to the store, us", sweeps.latency),
    (
        "CPU a read",
        "length of profile, B",
        lambda result, scheme: sweeps.by_profile(result, scheme, "total_cpu"),
    ),
    (
        "request size",
        "length of profile, B",
        lambda result, scheme: sweeps.by_profile(result, scheme, "request_bytes"),
    ),
    ("store memory a session", "length of profile, B", sweeps.memory_by_profile),
    ("store memory", "sessions", sweeps.memory_by_sessions),
)


def errors(result: Result) -> list[HeldBackError]:
    """One row a quantity that was measured at three levels or more; what is zero has no relative error."""
    found = []
    for quantity, over, line_of in _KINDS:
        foretold: list[tuple[str, LeftOut]] = []
        for scheme in result.arms():
            line = line_of(result, scheme)
            foretold += [(scheme, one) for one in (line.held_back() if line else []) if one.measured]
        if foretold:
            found.append(_summary(quantity, over, foretold))
    return found


def _summary(quantity: str, over: str, foretold: list[tuple[str, LeftOut]]) -> HeldBackError:
    scheme, worst = max(foretold, key=lambda pair: pair[1].error)
    return HeldBackError(
        quantity=quantity,
        over=over,
        foretold=len(foretold),
        median=median(one.error for _, one in foretold),
        largest=worst.error,
        largest_scheme=scheme,
        largest_at=worst.at,
    )
