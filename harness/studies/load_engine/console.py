"""The engines' rows as tables on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.studies.load_engine.rows import EngineRow, goals


def render(found: Sequence[EngineRow], console: Console) -> None:
    """Print what was measured, and what of it was to be reached."""
    for table in (_rates(found), _latencies(found), _goals(found)):
        console.print(table)
        console.print()


def _table(words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in words:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _rates(found: Sequence[EngineRow]) -> Table:
    table = _table(("engine", "path", "load"), ("req/s", "CPU us/req", "server"))
    for row in found:
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


def _latencies(found: Sequence[EngineRow]) -> Table:
    table = _table(("service time, as told by", "path"), ("p50 us", "p90 us", "p99 us", "lag p99 us"))
    for row in found:
        seen = row.percentiles
        table.add_row(
            row.engine,
            row.path,
            *(f"{seen[f'service_{name}']:,.0f}" for name in ("p50", "p90", "p99")),
            f"{seen['lag_p99']:,.0f}" if "lag_p99" in seen else "",
        )
    return table


def _goals(found: Sequence[EngineRow]) -> Table:
    marks = {True: "reached", False: "MISSED", None: "not measured"}
    table = Table("to reach", "measured", "", box=None, pad_edge=False)
    for goal in goals(found):
        table.add_row(goal.text, goal.figure, marks[goal.reached])
    return table
