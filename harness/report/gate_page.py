"""Verdict of a gate as a page of Markdown and on a console."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.report import markdown
from harness.report.console import print_body
from harness.report.content import gate, validity
from harness.report.content.tables import Section
from harness.results.model import Result

_STYLES = {"pass": "bold green", "regression": "bold red", "inconclusive": "bold yellow"}


def render(result: Result) -> str:
    """Return the verdict as Markdown, ending in a newline."""
    return markdown.page([markdown.section(_content(result), 2)])


def print_gate(result: Result, console: Console) -> None:
    """Print the verdict on a console."""
    content = _content(result)
    style = _STYLES[gate.verdict(result)] if result.valid else "bold red"
    console.print()
    console.print(Text(content.title, style=style))
    console.print()
    print_body(content, console)


def _content(result: Result) -> Section:
    lines = [*gate.notes(result), validity.passed(result), *validity.notes(result)]
    return Section(gate.headline(result), gate.tables(result), lines)
