"""Verdict of a gate as a page of Markdown and on a console."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.report import markdown
from harness.report.console import fitting, print_item
from harness.report.content import gate, validity
from harness.results.model import Result

_STYLES = {"pass": "bold green", "regression": "bold red", "inconclusive": "bold yellow"}


def render(result: Result) -> str:
    """Return the verdict as Markdown, ending in a newline."""
    blocks = [
        f"## {markdown.plain(gate.headline(result))}",
        *(markdown.table(markdown.plain_table(table)) for table in gate.tables(result)),
        markdown.items(
            [*map(markdown.plain, [*gate.notes(result), validity.passed(result), *validity.notes(result)])]
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def print_gate(result: Result, console: Console) -> None:
    """Print the verdict on a console."""
    style = _STYLES[gate.verdict(result)] if result.valid else "bold red"
    console.print()
    console.print(Text(gate.headline(result), style=style))
    console.print()
    for table in gate.tables(result):
        console.print(fitting(table, console))
        console.print()
    for line in [*gate.notes(result), validity.passed(result), *validity.notes(result)]:
        print_item(line, console)
