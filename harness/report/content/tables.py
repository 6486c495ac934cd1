"""Figures of a case as rows of text, one per scheme, for all reports. Pure.

A case has two tables, each within a terminal of 80 columns: speed and cost. A case of several steps also has
one table per percentile, with a row per step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.analysis.stats import sweeps
from harness.report.content import format as fmt
from harness.report.content.case import Case


@dataclass(frozen=True)
class Table:
    """Title, column heads (name and unit, on two lines) and a row of text per scheme or step."""

    title: str
    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Section:
    """Heading with tables and sentences below them."""

    title: str
    tables: list[Table]
    lines: list[str]


class _Column(NamedTuple):
    """One metric as a column: the metric, its head, and the format of its values (None: with interval)."""

    metric: str
    head: str
    show: Callable[[float], str] | None = None


def _longest(value: float) -> str:
    return f"{'>=' if value >= sweeps.PROFILES_TRIED else ''}{fmt.whole(value)}"


#: For closed loops only: in an open loop throughput is the configured rate, not a result.
_THROUGHPUT: Final = _Column("throughput", "throughput\nreq/s")
_SPEED: Final = (
    _THROUGHPUT,
    _Column("capacity", "capacity\nreq/s"),
    _Column("service_p50", "service\np50 µs"),
    _Column("service_p99", "service\np99 µs"),
    _Column("response_p50", "response\np50 µs"),
    _Column("response_p99", "response\np99 µs"),
)
_COST: Final = (
    _Column("total_cpu", "total CPU\nµs/req"),
    _Column("server_cpu", "server\nCPU", fmt.number),
    _Column("store_cpu", "store\nCPU", fmt.number),
    _Column("store_ops", "store\nops", fmt.number),
    _Column("request_bytes", "bytes\nout", fmt.whole),
    _Column("response_bytes", "bytes\nin", fmt.whole),
    _Column("server_rss", "server\nMB", fmt.megabytes),
    _Column("store_memory", "store\nMB", fmt.megabytes),
    _Column("longest_profile", "longest\nprofile", _longest),
)
#: Metrics of a step, each a table with a column per scheme.
_STEPS: Final = (_Column("service_p50", "Service p50"), _Column("service_p99", "Service p99"))


def tables(case: Case) -> list[Table]:
    """Return the tables of a case; columns of metrics that do not apply are omitted."""
    speed = [column for column in _SPEED if case.is_closed_loop or column is not _THROUGHPUT]
    both = [_table(case, "Speed", speed), _table(case, "Cost", _COST)]
    steps = [_steps_table(case, column) for column in _STEPS] if case.steps() else []
    return [table for table in both if len(table.heads) > 1] + steps


def _steps_table(case: Case, column: _Column) -> Table:
    rows = [[str(step.step), *(_cell(step, arm, column) for arm in case.arms)] for step in case.steps()]
    return Table(column.head, ["step", *(f"{arm}\nµs" for arm in case.arms)], rows)


def _table(case: Case, title: str, columns: Sequence[_Column]) -> Table:
    used = [column for column in columns if case.measured(column.metric)]
    rows = [[arm, *(_cell(case, arm, column) for column in used)] for arm in case.arms]
    return Table(title, ["scheme", *(column.head for column in used)], rows)


def _cell(case: Case, arm: str, column: _Column) -> str:
    row = case.find(arm, column.metric)
    if row is None:
        return fmt.NOTHING
    return fmt.with_interval(row.value, row.ci) if column.show is None else column.show(row.value)
