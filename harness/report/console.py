"""The summary of a run on the console: tables, what they mean, and what to be wary of."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from harness.report import format as fmt
from harness.report import incidents, setting, validity, wording
from harness.report.case import Case, cases
from harness.report.tables import Table, tables
from harness.result import Result


def render(result: Result, console: Console) -> None:
    """Print the summary of a run.

    Args:
        result: What was found.
        console: Where to print; a width of 80 columns is enough, and it need not be a terminal.
    """
    if not result.valid:
        _print_invalid(result, console)
    _print_heading(result, console)
    for case in cases(result):
        _print_case(case, console)
    for together in incidents.incidents(result):
        _print_part(together.title, incidents.tables(together), incidents.sentences(together), console)
    _print_checks(result, console)


def _print_invalid(result: Result, console: Console) -> None:
    console.print(Text("INVALID: do not believe the figures below.", style="bold red"))
    for check in validity.checks(result, "invalid"):
        print_item(validity.told(check), console, "red")
    console.print()


def _print_heading(result: Result, console: Console) -> None:
    console.print(Text(f"Run {result.run.id}, suite {result.run.suite}", style="bold"))
    for line in [*setting.describe(result), *setting.findings(result)]:
        _print_wrapped(line, console)


def _print_case(case: Case, console: Console) -> None:
    arrivals = wording.arrivals(case)
    lines = [*wording.sentences(case), *([arrivals] if arrivals else [])]
    _print_part(case.title, tables(case), lines, console)


def _print_part(title: str, parts: Sequence[Table], lines: Sequence[str], console: Console) -> None:
    console.print()
    console.print(Text(title, style="bold"))
    for table in parts:
        console.print(fitting(table, console))
        console.print()
    for line in lines:
        print_item(line, console)


def _print_checks(result: Result, console: Console) -> None:
    console.print()
    console.print(Text(validity.passed(result)))
    for note in validity.notes(result):
        print_item(note, console, "yellow" if note.startswith("warning") else "")


def print_item(text: str, console: Console, style: str = "") -> None:
    """One line of a list."""
    _print_wrapped(text, console, style, first=" - ", further="   ")


def _print_wrapped(text: str, console: Console, style: str = "", first: str = "", further: str = "") -> None:
    for index, line in enumerate(fmt.wrap(text, console.width - len(first))):
        console.print(Text((further if index else first) + line, style=style), soft_wrap=True)


def fitting(table: Table, console: Console) -> RichTable:
    """A table with two spaces between columns, or with one where that is too wide."""
    airy = _rich(table, padding=1)
    unbounded = console.options.update(max_width=10 * console.width)
    fits = console.measure(airy, options=unbounded).maximum <= console.width
    return airy if fits else _rich(table, padding=0)


def _rich(table: Table, padding: int) -> RichTable:
    """The table for the console: where it is too wide, the arms' names fold and the figures stay whole."""
    arm, *figures = table.heads
    columns = [
        Column(f"{table.title}\n{arm}", overflow="fold"),
        *(Column(head, justify="right", no_wrap=True) for head in figures),
    ]
    sides = (0, 0, 0, padding)
    rich = RichTable(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=sides)
    for row in table.rows:
        rich.add_row(*map(Text, row))
    return rich
