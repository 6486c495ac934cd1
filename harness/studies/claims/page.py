"""Answers to claims as a page of Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.report import markdown
from harness.report.content import format as fmt
from harness.report.content.tables import Table
from harness.results.claims import ClaimAnswer, ClaimFigure

if TYPE_CHECKING:
    from harness.report.charts.parts.draw import Picture


def render(answers: Sequence[ClaimAnswer], pictures: Sequence[Picture] = ()) -> str:
    """All answers with their figures as Markdown, ending in a newline.

    Args:
        answers: What came of the claims.
        pictures: Each is shown below the claims that it is about; it lies beside the page.
    """
    blocks = ["# Claims, put to the test", markdown.table(_overview(answers))]
    for one in answers:
        blocks += [
            f"## {one.number}. {one.says} ({one.by})",
            f"**{one.verdict}**: {one.because}.",
            markdown.items(
                [
                    f"experiment: {one.experiment}.",
                    f"rule: {one.rule}.",
                    *([f"browser: Chromium {one.browser}."] if one.browser else []),
                ]
            ),
        ]
        if one.figures:
            rows = [[figure.name, _value(figure)] for figure in one.figures]
            blocks.append(markdown.table(Table("Figures", ["what", "figure"], rows)))
        blocks += [
            f"![{picture.shows}]({picture.file})" for picture in pictures if one.number in picture.claims
        ]
    return "\n\n".join(blocks) + "\n"


def _value(figure: ClaimFigure) -> str:
    value = fmt.number(figure.value) if figure.value % 1 else f"{figure.value:.0f}"
    ends = "" if figure.ci is None else f" ({' to '.join(map(fmt.number, figure.ci))})"
    return f"{value}{ends} {figure.unit}".rstrip()


def _overview(answers: Sequence[ClaimAnswer]) -> Table:
    """One row a claim."""
    rows = [[str(one.number), one.verdict, f"{one.says} ({one.by})"] for one in answers]
    return Table("Claims", ["#", "verdict", "claim"], rows)
