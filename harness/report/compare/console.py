"""Comparison of results on the console."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report.compare import wording
from harness.report.compare.compare import Compared, ComparedRow
from harness.report.content import format as fmt


def render(compared: Compared, console: Console) -> None:
    """Print the results, the kind of comparison, and its tables."""
    for source in compared.results:
        _print(wording.source(source), console, "red" if source.invalid else "bold")
    for source in compared.compared[1:]:
        _print(wording.software(source, compared.base), console)
    console.print()
    for sentence in wording.limitations(compared):
        _print(sentence, console)
    for case in compared.cases():
        console.print()
        console.print(Text(case, style="bold"))
        for times, title in ((True, "Times and rates"), (False, "Ratios between schemes")):
            if lines := compared.shown(case, times=times):
                _print_table(title, lines, compared, console)
    for sentence in compared.only_in:
        _print(f" - {sentence}", console)


def _print(text: str | None, console: Console, style: str = "") -> None:
    for line in fmt.wrap(text, console.width) if text else ():
        console.print(Text(line, style=style), soft_wrap=True)


def _print_table(title: str, lines: Sequence[ComparedRow], compared: Compared, console: Console) -> None:
    relative = wording.relative(compared)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(title, overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column(relative, justify="right", no_wrap=True)
    for index, line in enumerate(lines):
        if index == 0 or line.metric != lines[index - 1].metric:
            head = wording.metric(line.metric, primary=line.primary, unit=line.over is None)
            table.add_row(Text(head, style="italic"))
        for entry in line.entries:
            first = entry is line.entries[0]
            name = f"  {line.name}" if first else ""
            table.add_row(
                Text(name), Text(entry.label), Text(wording.value(line, entry)), Text(wording.to_base(entry))
            )
    console.print(table)
    console.print()
