"""Summary of a run on the console: tables, sentences and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from harness.report.content import format as fmt
from harness.report.content.model import Report
from harness.report.content.tables import Section, Table

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
    print_wrapped(report.answer.sentence, console, _STYLES[report.answer.kind])
    for line in report.answer.certainty:
        print_item(line, console, "red" if report.answer.kind == "invalid" else "")
    console.print()
    console.print(Text(report.title, style="bold"))
    for line in report.about:
        print_wrapped(line, console)
    for section in (*report.gate, *report.cases, *report.incidents):
        console.print()
        console.print(Text(section.title, style="bold"))
        print_body(section, console)
    console.print()
    console.print(Text(report.passed))
    for note in report.notes:
        print_item(note, console, "yellow" if note.startswith("warning") else "")


def print_body(section: Section, console: Console) -> None:
    """Print the tables and the lines of a section."""
    print_tables(section.tables, console)
    for line in section.lines:
        print_item(line, console)


def print_item(text: str, console: Console, style: str = "") -> None:
    """Print one line of a list."""
    print_wrapped(text, console, style, first=" - ", further="   ")


def print_wrapped(text: str, console: Console, style: str = "", first: str = "", further: str = "") -> None:
    """Print a text, wrapped to the width of the console; `first` and `further` begin its lines."""
    for index, line in enumerate(fmt.wrap(text, console.width - len(first))):
        console.print(Text((further if index else first) + line, style=style), soft_wrap=True)


def print_tables(tables: Sequence[Table], console: Console) -> None:
    """Print tables with two spaces between columns, or with one if that is too wide."""
    unbounded = console.options.update(max_width=10 * console.width)
    for table in tables:
        wide = _rich(table, padding=1)
        fits = console.measure(wide, options=unbounded).maximum <= console.width
        console.print(wide if fits else _rich(table, padding=0))
        console.print()


def _rich(table: Table, padding: int) -> RichTable:
    """Return the table for the console; if it is too wide, names in the first column fold, not numbers."""
    first, *others = table.heads
    columns = [Column(f"{table.title}\n{first}", overflow="fold"), *map(numbers, others)]
    rich = open_table(*columns, padding=(0, 0, 0, padding))
    for row in table.rows:
        rich.add_row(*map(Text, row))
    return rich


def open_table(*columns: Column, padding: tuple[int, int, int, int] = (0, 1, 0, 1)) -> RichTable:
    """Return a table without rows and without a frame."""
    return RichTable(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=padding)


def numbers(head: str) -> Column:
    """Return a column of numbers, which are never folded."""
    return Column(head, justify="right", no_wrap=True)
