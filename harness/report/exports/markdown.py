"""Markdown: the result of `check` or the summary of a run, for a pull request."""

from __future__ import annotations

from typing import Final

from harness.report import gate_page, markdown
from harness.report.content.model import report
from harness.results.model import Result

NAME: Final = "markdown"
TITLE: Final = "summary in Markdown, for a pull request"
FILES: Final = ("summary.md",)


def texts(result: Result) -> tuple[str]:
    """Return the same text as on the console."""
    return (gate_page.render(result) if result.gate else markdown.render(report(result)),)
