"""Results of load generators as tables for terminals of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.studies.load_engine.rows import EngineRow, goals


def render(rows: Sequence[EngineRow], console: Console) -> None:
    """Print the measured rates and latencies, and the goals for them."""
    for table in (_rates(rows), _latencies(rows), _goals(rows)):
        console.print(table)
        console.print()


def _table(words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in words:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _rates(rows: Sequence[EngineRow]) -> Table:
    table = _table(("engine", "path", "load"), ("req/s", "CPU µs/req", "server"))
    for row in rows:
        spins = "lag_p99" in row.percentiles
        table.add_row(
            row.engine,
            row.path,
            row.load.removesuffix(" constant"),
            f"{row.throughput:,.0f}",
            "spins" if spins else f"{row.client_cpu:.1f}",
            f"{row.server_busy:.0%}",
        )
    return table


def _latencies(rows: Sequence[EngineRow]) -> Table:
    table = _table(("service time reported by", "path"), ("p50 µs", "p90 µs", "p99 µs", "lag p99 µs"))
    for row in rows:
        percentiles = row.percentiles
        table.add_row(
            row.engine,
            row.path,
            *(f"{percentiles[f'service_{name}']:,.0f}" for name in ("p50", "p90", "p99")),
            f"{percentiles['lag_p99']:,.0f}" if "lag_p99" in percentiles else "",
        )
    return table


def _goals(rows: Sequence[EngineRow]) -> Table:
    marks = {True: "reached", False: "MISSED", None: "not measured"}
    table = Table("goal", "measured", "", box=None, pad_edge=False)
    for goal in goals(rows):
        table.add_row(goal.text, goal.figure, marks[goal.reached])
    return table
