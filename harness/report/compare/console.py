"""Comparison of results on the console."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.report.compare import wording
from harness.report.compare.compare import Compared, ComparedRow
from harness.report.console import numbers, open_table, print_wrapped


def render(compared: Compared, console: Console) -> None:
    """Print the results, the kind of comparison, and its tables."""
    for source in compared.results:
        print_wrapped(wording.source(source), console, "red" if source.invalid else "bold")
    for sentence in wording.software(compared):
        print_wrapped(sentence, console)
    console.print()
    for sentence in wording.limitations(compared):
        print_wrapped(sentence, console)
    for case in compared.cases():
        console.print()
        console.print(Text(case, style="bold"))
        for times in (True, False):
            if lines := compared.shown(case, times=times):
                console.print(_table(wording.TITLES[times], lines, wording.relative(compared)))
                console.print()
    for sentence in compared.only_in:
        print_wrapped(f" - {sentence}", console)


def _table(title: str, lines: Sequence[ComparedRow], relative: str) -> Table:
    columns = [
        Column(title, overflow="fold"),
        Column("", no_wrap=True),
        *map(numbers, ("measured", relative)),
    ]
    table = open_table(*columns)
    last = ""
    for line in lines:
        head = wording.metric(line.metric, primary=line.primary, unit=line.over is None)
        if head != last:
            table.add_row(Text(head, style="italic"))
        last = head
        for number, entry in enumerate(line.entries):
            name = "" if number else f"  {line.name}"
            table.add_row(*map(Text, (name, entry.label, wording.value(line, entry), wording.to_base(entry))))
    return table
