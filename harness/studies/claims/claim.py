"""A claim, and what came of putting it to the test."""

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
    """What somebody said, and how it is put to the test.

    Attributes:
        number: In docs/findings.md and everywhere else.
        says: The claim or question, in short.
        by: Who said so.
        kind: How it can be answered.
        experiment: What is done.
        rule: When the claim counts as supported.
        run: Does it, on live servers; None where it cannot be done yet.
        pending: Why not.
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
    """The outcome of a claim that cannot be put to the test yet."""
    return Outcome(verdict="not run", because=claim.pending, figures=[])


def decided(
    holds: bool, because: str, figures: Sequence[ClaimFigure], otherwise: str = "the figures show otherwise"
) -> Outcome:
    """The outcome of a demonstration: the same whenever it is repeated.

    Args:
        holds: Whether it is as the rule says.
        because: What was seen, where it is.
        figures: What it rests on.
        otherwise: What was seen, where it is not.
    """
    verdict: Verdict = "supported" if holds else "refuted"
    return Outcome(verdict=verdict, because=because if holds else otherwise, figures=list(figures))


def find_claims(numbers: list[int]) -> list[Claim]:
    """The claims of these numbers, or all, by number.

    Raises:
        SuiteError: There is none of a number.
    """
    modules = plugins.modules("harness.studies.claims.families").values()
    there = {claim.number: claim for module in modules for claim in module.CLAIMS}
    if unknown := [number for number in numbers if number not in there]:
        known = ", ".join(map(str, sorted(there)))
        raise SuiteError(f"no such claim: {', '.join(map(str, unknown))}; there are {known}.")
    return [there[number] for number in sorted(numbers or there)]
