"""Answers to claims as a Markdown page. Pure."""

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
    """Return all answers with their figures as Markdown, ending in a newline.

    Args:
        answers: Answers to show.
        pictures: Charts in the folder of the page; each is shown below the claims that it is about.
    """
    rows = [[str(answer.number), answer.verdict, f"{answer.says} ({answer.by})"] for answer in answers]
    overview = Table("Claims", ["#", "verdict", "claim"], rows)
    blocks = ["# Claims and test results", markdown.table(overview)]
    for answer in answers:
        blocks += [
            f"## {answer.number}. {answer.says} ({answer.by})",
            f"**{answer.verdict}**: {answer.because}.",
            markdown.items(
                [
                    f"experiment: {answer.experiment}.",
                    f"rule: {answer.rule}.",
                    *([f"browser: Chromium {answer.browser}."] if answer.browser else []),
                ]
            ),
        ]
        if answer.figures:
            rows = [[figure.name, _value(figure)] for figure in answer.figures]
            blocks.append(markdown.table(Table("Figures", ["quantity", "value"], rows)))
        blocks += [
            f"![{picture.shows}]({picture.file})" for picture in pictures if answer.number in picture.claims
        ]
    return "\n\n".join(blocks) + "\n"


def _value(figure: ClaimFigure) -> str:
    value = fmt.number(figure.value) if figure.value % 1 else f"{figure.value:.0f}"
    ends = "" if figure.ci is None else f" ({' to '.join(map(fmt.number, figure.ci))})"
    unit = "µs" if figure.unit == "us" else figure.unit
    return f"{value}{ends} {unit}".rstrip()
