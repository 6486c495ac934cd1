"""Click-to-response latencies as tables for terminals of 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Column, Table

from harness.analysis.click_latency import Mean, Noise, Pair, Wait
from harness.report.content import format as fmt
from harness.results.base import Interval


def render(waits: Sequence[Wait], pairs: Sequence[Pair], noise: Noise, console: Console) -> None:
    """Print all cases, and all comparisons of two cases."""
    compared = [*pairs, noise.pair]
    answered = [(pair.asks, pair.answered_ratio, pair.answered_ms, pair.verdict) for pair in compared]
    received = [(pair.asks, pair.received_ratio, pair.received_ms, "") for pair in compared]
    for table in (_waits(waits), _pairs("until answered", answered), _pairs("until received", received)):
        console.print(table)
        console.print()


def _waits(waits: Sequence[Wait]) -> Table:
    table = Table(
        *(Column(head, no_wrap=True) for head in ("origin", "server", "preflights")),
        *(_numbers(head) for head in ("seen", "received ms", "answered ms", "rendered ms")),
        box=None, pad_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    for row in waits:
        means = (row.received_ms, row.answered_ms, row.rendered_ms)
        seen = f"{row.preflights_seen / row.clicks:.2g}"
        times = [_shown(mean, fmt.with_interval) for mean in means]
        table.add_row(row.origin.removesuffix(" origin"), row.server, row.preflights, seen, *times)
    return table


def _pairs(title: str, pairs: Sequence[tuple[str, Mean | None, Mean | None, str]]) -> Table:
    columns = [Column(title, overflow="fold"), _numbers("ratio"), _numbers("adds ms")]
    if any(verdict for *_, verdict in pairs):
        columns.append(Column("verdict", no_wrap=True))
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, ratio, adds_ms, verdict in pairs:
        numbers = [_shown(mean, fmt.with_ends) for mean in (ratio, adds_ms)]
        table.add_row(name, *numbers, *([verdict] if verdict else []))
    return table


def _numbers(head: str) -> Column:
    return Column(head, justify="right", no_wrap=True)


def _shown(mean: Mean | None, show: Callable[[float, Interval], str]) -> str:
    return "" if mean is None else show(mean.value, mean.ci)
