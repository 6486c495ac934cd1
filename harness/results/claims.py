"""Answers to claims, in the format of claims.json. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

#: `demonstrated`: by responses of servers, which are reproducible; `measured`: by their cost.
Kind = Literal["demonstrated", "measured"]


Verdict = Literal["supported", "refuted", "inconclusive", "not run"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimFigure(_Model):
    """Value that a verdict is based on."""

    name: str
    value: float
    #: Empty for counts.
    unit: str = ""
    ci: tuple[float, float] | None = None
    #: Series that it belongs to, and its position on that series' axis; for charts.
    group: str = ""
    x: float | None = None


class Outcome(_Model):
    """Outcome of an experiment."""

    verdict: Verdict
    #: One sentence.
    because: str
    figures: list[ClaimFigure]
    #: Version of the Chromium that was used; empty if none was.
    browser: str = ""


class ClaimAnswer(_Model):
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
