"""Comparison of several results, as one row of the list. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.compare.compare import Compared


@dataclass(frozen=True)
class ComparisonSummary:
    """Row of a comparison in the list.

    Attributes:
        place: Path of its folder relative to the results folder; empty if it is that folder.
        runs: Ids of the results, the base first.
        about: Their suites, the compared cases, and excluded results.
    """

    place: str
    runs: str
    about: str


def comparison(place: str, compared: Compared) -> ComparisonSummary:
    """Return the row of a comparison in this folder."""
    base, *others = compared.results
    suites = dict.fromkeys(source.suite for source in compared.results)
    excluded = [f"{source.id} excluded: {source.invalid}" for source in others if source.invalid]
    return ComparisonSummary(
        place=place,
        runs=", ".join([f"{base.id} (base)", *(source.id for source in others)]),
        about="; ".join([f"suite {', '.join(suites)}", *compared.cases(), *excluded]),
    )
