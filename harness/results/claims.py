"""The answers to claims, as claims.json holds them. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

#: `demonstrated` by what servers answer, the same every time; `measured` by what it costs them.
Kind = Literal["demonstrated", "measured"]


Verdict = Literal["supported", "refuted", "inconclusive", "not run"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimFigure(_Model):
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
    figures: list[ClaimFigure]
    #: Version of the Chromium that showed it; empty where none did.
    browser: str = ""


class ClaimAnswer(_Model):
    """One claim with what came of it, as the list of answers keeps it."""

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
