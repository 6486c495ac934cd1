"""Answers to claims as a table for terminals of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.results.claims import ClaimAnswer

_STYLES: Final = {"supported": "green", "refuted": "red", "inconclusive": "yellow", "not run": "dim"}


def render(answers: Sequence[ClaimAnswer], console: Console) -> None:
    """Print each claim with its verdict and the reason below it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim (author), and what was observed", overflow="fold")
    for answer in answers:
        verdict = Text(answer.verdict, style=_STYLES[answer.verdict])
        table.add_row(str(answer.number), verdict, Text(f"{answer.says} ({answer.by})", style="bold"))
        table.add_row("", "", Text(answer.because))
    console.print(table)
