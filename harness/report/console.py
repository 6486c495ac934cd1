"""Summary of a run on the console: tables, sentences and warnings."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from harness.report.content import format as fmt
from harness.report.content.model import Report, Section
from harness.report.content.tables import Table

_STYLES: Final = {
    "decided": "bold green",
    "open": "bold yellow",
    "regression": "bold red",
    "invalid": "bold red",
}


def render(report: Report, console: Console) -> None:
    """Print the report of a run.

    Args:
        report: Content of the report.
        console: Output; a width of 80 columns is enough, and it need not be a terminal.
    """
    style = _STYLES[report.answer.kind]
    _print_wrapped(report.answer.sentence, console, style)
    for line in report.answer.certainty:
        print_item(line, console, "red" if report.answer.kind == "invalid" else "")
    console.print()
    console.print(Text(report.title, style="bold"))
    for line in report.about:
        _print_wrapped(line, console)
    for section in (*report.gate, *report.cases, *report.incidents):
        _print_section(section, console)
    console.print()
    console.print(Text(report.passed))
    for note in report.notes:
        print_item(note, console, "yellow" if note.startswith("warning") else "")


def _print_section(section: Section, console: Console) -> None:
    console.print()
    console.print(Text(section.title, style="bold"))
    for table in section.tables:
        console.print(fitting(table, console))
        console.print()
    for line in section.lines:
        print_item(line, console)


def print_item(text: str, console: Console, style: str = "") -> None:
    """Print one line of a list."""
    _print_wrapped(text, console, style, first=" - ", further="   ")


def _print_wrapped(text: str, console: Console, style: str = "", first: str = "", further: str = "") -> None:
    for index, line in enumerate(fmt.wrap(text, console.width - len(first))):
        console.print(Text((further if index else first) + line, style=style), soft_wrap=True)


def fitting(table: Table, console: Console) -> RichTable:
    """Return the table with two spaces between columns, or with one if that is too wide."""
    wide = _rich(table, padding=1)
    unbounded = console.options.update(max_width=10 * console.width)
    fits = console.measure(wide, options=unbounded).maximum <= console.width
    return wide if fits else _rich(table, padding=0)


def _rich(table: Table, padding: int) -> RichTable:
    """Return the table for the console; if it is too wide, names in the first column fold, not numbers."""
    first, *others = table.heads
    columns = [
        Column(f"{table.title}\n{first}", overflow="fold"),
        *(Column(head, justify="right", no_wrap=True) for head in others),
    ]
    sides = (0, 0, 0, padding)
    rich = RichTable(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=sides)
    for row in table.rows:
        rich.add_row(*map(Text, row))
    return rich
