"""A claim, and what experiments return: the outcome of testing it and the figures that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.errors import SuiteError
from harness.results.base import Interval
from harness.results.claims import ClaimFigure, Kind, Outcome, Verdict
from harness.system import plugins

if TYPE_CHECKING:
    from harness.analysis.stats.estimate import Estimate, Ratio
    from harness.results.model import Measurement
    from harness.studies.lab import Lab

#: Suite of the claims about the cost of schemes, and of those about several server processes.
SUITE: Final = "claims"
SCALE: Final = "scale"
SUITES: Final = (SUITE, SCALE)


@dataclass(frozen=True)
class Claim:
    """A statement or question of the article or its readers, and how it is tested.

    Attributes:
        number: Number in docs/findings.md and in all lists.
        says: Short form of the claim or question.
        by: Author of the claim.
        kind: How it can be answered.
        experiment: Description of the experiment.
        rule: Condition under which the claim counts as supported.
        run: Function that makes the experiment on live servers.
    """

    number: int
    says: str
    by: str
    kind: Kind
    experiment: str
    rule: str
    run: Callable[[Lab], Outcome]


def inconclusive(because: str, figures: Iterable[ClaimFigure]) -> Outcome:
    """Return the outcome of an experiment that lacks what a verdict needs."""
    return Outcome(verdict="inconclusive", because=because, figures=list(figures))


def decided(
    holds: bool, because: str, figures: Iterable[ClaimFigure], otherwise: str = "the figures show otherwise"
) -> Outcome:
    """Return the outcome of a demonstration, which is the same whenever it is repeated.

    Args:
        holds: Whether the claim's rule is met.
        because: Observation if it is met.
        figures: Numbers that the verdict rests on.
        otherwise: Observation if it is not met.
    """
    return judged(
        figures, supported=holds, refuted=not holds, if_supported=because, if_refuted=otherwise, otherwise=""
    )


def judged(
    figures: Iterable[ClaimFigure],
    *,
    supported: bool,
    refuted: bool,
    if_supported: str,
    if_refuted: str,
    otherwise: str,
) -> Outcome:
    """Return the outcome of a measurement.

    Args:
        figures: Numbers that the verdict rests on.
        supported: Whether they support the claim.
        refuted: Whether they refute it.
        if_supported: Observation if they support it.
        if_refuted: Observation if they refute it.
        otherwise: Observation if they do neither.
    """
    verdict: Verdict = "supported" if supported else "refuted" if refuted else "inconclusive"
    because = {"supported": if_supported, "refuted": if_refuted}.get(verdict, otherwise)
    return Outcome(verdict=verdict, because=because, figures=list(figures))


def figure(name: str, value: float, unit: str = "", ci: Interval = None) -> ClaimFigure:
    """Return a number that a verdict rests on, such as a count; `unit` may be `of 20 reads`."""
    return ClaimFigure(name=name, value=value, unit=unit, ci=ci)


def estimated(name: str, estimate: Estimate | Ratio | Measurement, unit: str = "") -> ClaimFigure:
    """Return an estimate as a figure, with its interval if it has one."""
    return figure(name, estimate.value, unit, estimate.ci)


def find_claims(numbers: list[int]) -> list[Claim]:
    """Return the claims with these numbers, or all, by number.

    Raises:
        SuiteError: There is no claim with one of the numbers.
    """
    modules = plugins.modules("harness.studies.claims.families").values()
    claims = {claim.number: claim for module in modules for claim in module.CLAIMS}
    if unknown := [number for number in numbers if number not in claims]:
        known = ", ".join(map(str, sorted(claims)))
        raise SuiteError(f"no such claim: {', '.join(map(str, unknown))}; there are {known}.")
    return [claims[number] for number in sorted(numbers or claims)]
