"""A claim, and what came of putting it to the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from harness.studies.lab import Lab

#: `demonstrated` by what servers answer, the same every time; `measured` by what it costs them.
Kind = Literal["demonstrated", "measured"]
Verdict = Literal["supported", "refuted", "inconclusive", "not run"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Model):
    """One number that a verdict rests on."""

    name: str
    value: float
    #: Empty for what is counted.
    unit: str = ""
    ci: tuple[float, float] | None = None
    #: Which series of figures it belongs to, and where it stands on that series' axis; for pictures.
    group: str = ""
    x: float | None = None


class Outcome(_Model):
    """What an experiment showed."""

    verdict: Verdict
    #: One sentence.
    because: str
    figures: list[Figure]
    #: Version of the Chromium that showed it; empty where none did.
    browser: str = ""


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


class Answer(_Model):
    """One claim with what came of it, as the list of answers keeps it."""

    number: int
    says: str
    by: str
    kind: Kind
    experiment: str
    rule: str
    verdict: Verdict
    because: str
    figures: list[Figure]
    browser: str = ""

    @classmethod
    def of(cls, claim: Claim, outcome: Outcome) -> Answer:
        """A claim and its outcome."""
        return cls(
            number=claim.number,
            says=claim.says,
            by=claim.by,
            kind=claim.kind,
            experiment=claim.experiment,
            rule=claim.rule,
            verdict=outcome.verdict,
            because=outcome.because,
            figures=outcome.figures,
            browser=outcome.browser,
        )


def not_run(claim: Claim) -> Outcome:
    """The outcome of a claim that cannot be put to the test yet."""
    return Outcome(verdict="not run", because=claim.pending, figures=[])


def decided(
    holds: bool, because: str, figures: Sequence[Figure], otherwise: str = "the figures show otherwise"
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
