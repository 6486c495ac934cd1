"""Figures of a case as rows of text, one per scheme, for all reports. Pure.

A case has two tables, each within a terminal of 80 columns: speed and cost. A case of several steps also has
one table per percentile, with a row per step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.stats import sweeps
from harness.report.content import format as fmt
from harness.report.content.case import Case
from harness.results.model import Measurement


@dataclass(frozen=True)
class Table:
    """Title, column heads (name and unit, on two lines) and a row of text per scheme or step."""

    title: str
    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Column:
    """One metric as a column: the metric, its head, and the format of its values."""

    metric: str
    head: str
    show: Callable[[Measurement], str]


def _with_interval(row: Measurement) -> str:
    return fmt.with_interval(row.value, row.ci)


def _number(row: Measurement) -> str:
    return fmt.number(row.value)


def _whole(row: Measurement) -> str:
    return fmt.whole(row.value)


def _megabytes(row: Measurement) -> str:
    return fmt.megabytes(row.value)


def _longest(row: Measurement) -> str:
    return f"{'>=' if row.value >= sweeps.PROFILES_TRIED else ''}{fmt.whole(row.value)}"


#: For closed loops only: in an open loop throughput is the configured rate, not a result.
THROUGHPUT: Final = Column("throughput", "throughput\nreq/s", _with_interval)
SPEED: Final = (
    THROUGHPUT,
    Column("capacity", "capacity\nreq/s", _with_interval),
    Column("service_p50", "service\np50 µs", _with_interval),
    Column("service_p99", "service\np99 µs", _with_interval),
    Column("response_p50", "response\np50 µs", _with_interval),
    Column("response_p99", "response\np99 µs", _with_interval),
)
COST: Final = (
    Column("total_cpu", "total CPU\nµs/req", _with_interval),
    Column("server_cpu", "server\nCPU", _number),
    Column("store_cpu", "store\nCPU", _number),
    Column("store_ops", "store\nops", _number),
    Column("request_bytes", "bytes\nout", _whole),
    Column("response_bytes", "bytes\nin", _whole),
    Column("server_rss", "server\nMB", _megabytes),
    Column("store_memory", "store\nMB", _megabytes),
    Column("longest_profile", "longest\nprofile", _longest),
)


#: Metrics of a step, each a table with a column per scheme.
STEPS: Final = (
    Column("service_p50", "Service p50", _with_interval),
    Column("service_p99", "Service p99", _with_interval),
)


def tables(case: Case) -> list[Table]:
    """Return the tables of a case; columns of metrics that do not apply are omitted."""
    speed = [column for column in SPEED if case.is_closed_loop or column is not THROUGHPUT]
    both = [_table(case, "Speed", speed), _table(case, "Cost", COST)]
    steps = [_steps_table(case, column) for column in STEPS] if case.steps() else []
    return [table for table in both if len(table.heads) > 1] + steps


def _steps_table(case: Case, column: Column) -> Table:
    rows = [[str(step.step), *(_cell(step, arm, column) for arm in case.arms)] for step in case.steps()]
    return Table(column.head, ["step", *(f"{arm}\nµs" for arm in case.arms)], rows)


def _table(case: Case, title: str, columns: Sequence[Column]) -> Table:
    used = [column for column in columns if case.measured(column.metric)]
    rows = [[arm, *(_cell(case, arm, column) for column in used)] for arm in case.arms]
    return Table(title, ["scheme", *(column.head for column in used)], rows)


def _cell(case: Case, arm: str, column: Column) -> str:
    row = case.find(arm, column.metric)
    return fmt.NOTHING if row is None else column.show(row)
