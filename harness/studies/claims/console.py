"""Answers to claims on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.results.claims import ClaimAnswer

_STYLES: Final = {"supported": "green", "refuted": "red", "inconclusive": "yellow", "not run": "dim"}


def render(answers: Sequence[ClaimAnswer], console: Console) -> None:
    """Print each claim with its verdict, and below it why."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim, by whom, and what was seen", overflow="fold")
    for one in answers:
        verdict = Text(one.verdict, style=_STYLES[one.verdict])
        table.add_row(str(one.number), verdict, Text(f"{one.says} ({one.by})", style="bold"))
        table.add_row("", "", Text(one.because))
    console.print(table)
