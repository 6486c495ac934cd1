"""Answers to claims, in the format of claims.json. Pure."""

from __future__ import annotations

from typing import Literal

from harness.results.base import Model

#: `demonstrated`: by responses of servers, which are reproducible; `measured`: by their cost.
Kind = Literal["demonstrated", "measured"]
Verdict = Literal["supported", "refuted", "inconclusive", "not run"]


class ClaimFigure(Model):
    """Value that a verdict is based on."""

    name: str
    value: float
    #: Empty for counts.
    unit: str = ""
    ci: tuple[float, float] | None = None
    #: Series that it belongs to, and its position on that series' axis; for charts.
    group: str = ""
    x: float | None = None


class Outcome(Model):
    """Outcome of an experiment."""

    verdict: Verdict
    #: One sentence.
    because: str
    figures: list[ClaimFigure]
    #: Version of the Chromium that was used; empty if none was.
    browser: str = ""


class ClaimAnswer(Model):
    """Claim with its verdict, as a row of claims.json."""

    number: int
    says: str
    by: str
    kind: Kind
    experiment: str
    rule: str
    verdict: Verdict
    because: str
    figures: list[ClaimFigure]
    browser: str = ""
