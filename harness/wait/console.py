"""What users waited for as tables on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.calibrate.rows import Middle
from harness.wait.rows import Pair, Wait


def render(waits: Sequence[Wait], pairs: Sequence[Pair], console: Console) -> None:
    """Print each case, and each comparison of two."""
    console.print(_waits(waits))
    console.print()
    console.print(_pairs(pairs))
    console.print()


def _waits(waits: Sequence[Wait]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("origin", "scheme", "preflights"):
        table.add_column(heading, no_wrap=True)
    for heading in ("a click", "answered ms", "rendered ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in waits:
        table.add_row(
            row.origin.removesuffix(" origin"),
            row.scheme,
            row.preflights,
            f"{row.preflights_seen / row.clicks:.2g}",
            _told(row.answered_ms, ".1f"),
            _told(row.rendered_ms, ".1f"),
        )
    return table


def _pairs(pairs: Sequence[Pair]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("until answered", overflow="fold")
    for heading in ("ratio", "adds ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in pairs:
        table.add_row(row.asks, _told(row.answered_ratio, ".2f"), _told(row.answered_ms, ".1f"), row.verdict)
    return table


def _told(middle: Middle | None, form: str) -> str:
    if middle is None:
        return ""
    ends = "" if middle.ci is None else f" ({middle.ci[0]:{form}} to {middle.ci[1]:{form}})"
    return f"{middle.value:{form}}{ends}"
