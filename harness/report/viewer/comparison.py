"""Results that were set side by side, in one row: which they are, and what they have in common. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.compare.compare import Compared


@dataclass(frozen=True)
class ComparisonSummary:
    """What the list of comparisons shows of one.

    Attributes:
        place: Its folder, below that of all results; empty where it is the same.
        runs: The ids of the results, the base first.
        about: Their suites, what was compared, and what was left out.
    """

    place: str
    runs: str
    about: str


def comparison(place: str, compared: Compared) -> ComparisonSummary:
    """The row of a comparison that lies in a folder."""
    base, *others = compared.results
    suites = dict.fromkeys(one.suite for one in compared.results)
    left_out = [f"{one.id} left out: {one.invalid}" for one in others if one.invalid]
    return ComparisonSummary(
        place=place,
        runs=", ".join([f"{base.id} (base)", *(one.id for one in others)]),
        about="; ".join([f"suite {', '.join(suites)}", *compared.cases(), *left_out]),
    )
