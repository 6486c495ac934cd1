"""Click-to-response latencies as tables for terminals of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.analysis.click_latency import Mean, Noise, Pair, Wait
from harness.report.content import format as fmt


def render(waits: Sequence[Wait], pairs: Sequence[Pair], noise: Noise, console: Console) -> None:
    """Print all cases, and all comparisons of two cases."""
    console.print(_waits(waits))
    console.print()
    compared = [*pairs, noise.pair]
    console.print(
        _pairs(
            "until answered",
            [(pair.asks, pair.answered_ratio, pair.answered_ms, pair.verdict) for pair in compared],
        )
    )
    console.print()
    console.print(
        _pairs(
            "until received", [(pair.asks, pair.received_ratio, pair.received_ms, "") for pair in compared]
        )
    )
    console.print()


def _waits(waits: Sequence[Wait]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("origin", "server", "preflights"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seen", "received ms", "answered ms", "rendered ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in waits:
        table.add_row(
            row.origin.removesuffix(" origin"),
            row.server,
            row.preflights,
            f"{row.preflights_seen / row.clicks:.2g}",
            _spread(row.received_ms),
            _spread(row.answered_ms),
            _spread(row.rendered_ms),
        )
    return table


def _pairs(title: str, pairs: Sequence[tuple[str, Mean | None, Mean | None, str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, overflow="fold")
    for heading in ("ratio", "adds ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    if any(verdict for *_, verdict in pairs):
        table.add_column("verdict", no_wrap=True)
    for name, ratio, adds_ms, verdict in pairs:
        table.add_row(name, _describe(ratio), _describe(adds_ms), *([verdict] if verdict else []))
    return table


def _spread(mean: Mean | None) -> str:
    return "" if mean is None else fmt.with_interval(mean.value, mean.ci)


def _describe(mean: Mean | None) -> str:
    if mean is None:
        return ""
    ends = "" if mean.ci is None else f" ({fmt.number(mean.ci[0])} to {fmt.number(mean.ci[1])})"
    return f"{fmt.number(mean.value)}{ends}"
