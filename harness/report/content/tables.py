"""The figures of a case as rows of text, an arm each, for any report to set. Pure.

Two tables a case, so that each fits a terminal of 80 columns: how fast, and at what cost. A case of several
steps has a table a percentile in place of the first, with a row a step.
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
    """A title, the column heads (name and unit, on two lines) and a row of text an arm (or a step)."""

    title: str
    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Column:
    """One metric as a column: its metric, its head, and how a value is printed."""

    metric: str
    head: str
    show: Callable[[Measurement], str]


def _main(row: Measurement) -> str:
    return fmt.with_interval(row.value, row.ci)


def _plain(row: Measurement) -> str:
    return fmt.number(row.value)


def _whole(row: Measurement) -> str:
    return fmt.whole(row.value)


def _megabytes(row: Measurement) -> str:
    return fmt.megabytes(row.value)


def _longest(row: Measurement) -> str:
    return f"{'>=' if row.value >= sweeps.PROFILES_TRIED else ''}{fmt.whole(row.value)}"


#: Only of a closed loop: in an open one it is the offered rate, and a column of it would find nothing.
THROUGHPUT: Final = Column("throughput", "throughput\nreq/s", _main)
SPEED: Final = (
    THROUGHPUT,
    Column("capacity", "capacity\nreq/s", _main),
    Column("service_p50", "service\np50 us", _main),
    Column("service_p99", "service\np99 us", _main),
    Column("response_p50", "response\np50 us", _main),
    Column("response_p99", "response\np99 us", _main),
)
COST: Final = (
    Column("total_cpu", "total CPU\nus/req", _main),
    Column("server_cpu", "server\nCPU", _plain),
    Column("store_cpu", "store\nCPU", _plain),
    Column("store_ops", "store\nops", _plain),
    Column("request_bytes", "bytes\nout", _whole),
    Column("response_bytes", "bytes\nin", _whole),
    Column("server_rss", "server\nMB", _megabytes),
    Column("store_memory", "store\nMB", _megabytes),
    Column("longest_profile", "longest\nprofile", _longest),
)


#: Metrics of a step, each a table of its own with a column an arm.
STEPS: Final = (
    Column("service_p50", "Service p50", _main),
    Column("service_p99", "Service p99", _main),
)


def tables(case: Case) -> list[Table]:
    """The tables of a case; columns of metrics that do not apply are left out."""
    speed = [column for column in SPEED if case.is_closed_loop or column is not THROUGHPUT]
    both = [_table(case, "Speed", speed), _table(case, "Cost", COST)]
    steps = [_steps_table(case, column) for column in STEPS] if case.steps() else []
    return [table for table in both if len(table.heads) > 1] + steps


def _steps_table(case: Case, column: Column) -> Table:
    rows = [[str(one.step), *(_cell(one, arm, column) for arm in case.arms)] for one in case.steps()]
    return Table(column.head, ["step", *(f"{arm}\nus" for arm in case.arms)], rows)


def _table(case: Case, title: str, columns: Sequence[Column]) -> Table:
    used = [column for column in columns if case.measured(column.metric)]
    rows = [[arm, *(_cell(case, arm, column) for column in used)] for arm in case.arms]
    return Table(title, ["arm", *(column.head for column in used)], rows)


def _cell(case: Case, arm: str, column: Column) -> str:
    row = case.find(arm, column.metric)
    return fmt.NOTHING if row is None else column.show(row)
