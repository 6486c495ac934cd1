"""Console output of an answer."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from harness.report.console import fitting, print_item
from harness.report.content import format as fmt
from harness.studies.advice import wording
from harness.studies.advice.answer import Advice


def render(advice: Advice, console: Console) -> None:
    """Print an answer in at most 80 columns if the console has no more."""
    heading = f"Run {advice.run}, suite {advice.suite}; intervals at {fmt.whole_percent(advice.confidence)}"
    console.print(Text(heading, style="bold"))
    print_item(wording.inputs(advice.question), console)
    console.print()
    for table in wording.tables(advice):
        console.print(fitting(table, console))
        console.print()
    for line in wording.sentences(advice):
        print_item(line, console)
    console.print()
    tables, text = wording.validation(advice)
    for table in tables:
        console.print(fitting(table, console))
        console.print()
    for line in [text, *wording.notes(advice)]:
        print_item(line, console)
