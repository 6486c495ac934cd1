"""A claim and the outcome of testing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import SuiteError
from harness.results.claims import ClaimFigure, Kind, Outcome, Verdict
from harness.system import plugins

if TYPE_CHECKING:
    from harness.studies.lab import Lab


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
        run: Function that makes the experiment on live servers; None if it cannot be made yet.
        pending: Reason why it cannot be made yet.
    """

    number: int
    says: str
    by: str
    kind: Kind
    experiment: str
    rule: str
    run: Callable[[Lab], Outcome] | None = None
    pending: str = ""


def not_run(claim: Claim) -> Outcome:
    """Return the outcome of a claim that cannot be tested yet."""
    return Outcome(verdict="not run", because=claim.pending, figures=[])


def decided(
    holds: bool, because: str, figures: Sequence[ClaimFigure], otherwise: str = "the figures show otherwise"
) -> Outcome:
    """Return the outcome of a demonstration, which is the same whenever it is repeated.

    Args:
        holds: Whether the claim's rule is met.
        because: Observation if it is met.
        figures: Numbers that the verdict rests on.
        otherwise: Observation if it is not met.
    """
    verdict: Verdict = "supported" if holds else "refuted"
    return Outcome(verdict=verdict, because=because if holds else otherwise, figures=list(figures))


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
