"""An answer on a console."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.report.console import fitting, print_item
from harness.report.content import format as fmt
from harness.studies.advice import wording
from harness.studies.advice.answer import Advice


def render(advice: Advice, console: Console) -> None:
    """Print it; a width of 80 columns is enough."""
    heading = f"Run {advice.run}, suite {advice.suite}; intervals at {fmt.whole_percent(advice.confidence)}"
    console.print(Text(heading, style="bold"))
    print_item(wording.asked(advice.question), console)
    console.print()
    for table in wording.tables(advice):
        console.print(fitting(table, console))
        console.print()
    for line in wording.sentences(advice):
        print_item(line, console)
    console.print()
    tables, told = wording.held_back(advice)
    for table in tables:
        console.print(fitting(table, console))
        console.print()
    for line in [told, *wording.notes(advice)]:
        print_item(line, console)
