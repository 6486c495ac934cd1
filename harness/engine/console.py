"""The engines' rows as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.engine.rows import Row, goals


def render(found: Sequence[Row], console: Console) -> None:
    """Print what was measured, and what of it was to be reached."""
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for heading in ("engine", "path", "load"):
        table.add_column(heading, no_wrap=True)
    for heading in ("req/s", "CPU", "server", "p50", "p90", "p99", "lag"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found:
        seen = row.percentiles
        table.add_row(
            row.engine,
            row.path,
            row.load.removesuffix(" constant").partition(", ")[2],
            f"{row.throughput:,.0f}",
            "spins" if "lag_p99" in seen else f"{row.client_cpu:.1f}",
            f"{row.server_busy:.0%}",
            *(f"{seen[f'service_{name}']:,.0f}" for name in ("p50", "p90", "p99")),
            f"{seen['lag_p99']:,.0f}" if "lag_p99" in seen else "",
        )
    console.print(table)
    console.print(
        "CPU: us of the engine a request; server: the share of its CPU that it used; p50 to p99, and lag at"
        " the 99th percentile: us, as the engine says; closed loop with N users, open loop at N/s",
        highlight=False,
    )
    marks = {True: "reached", False: "MISSED", None: "not measured"}
    outcome = Table("to reach", "measured", "", box=None, pad_edge=False)
    for goal in goals(found):
        outcome.add_row(goal.text, goal.figure, marks[goal.reached])
    console.print()
    console.print(outcome)
