"""CPU time of a request, split into server and store, and the part of authentication. Pure.

Authentication costs what a scheme uses beyond the no-auth server, which serves the same bytes without any
check. The difference has a confidence interval from the server processes of both; if the interval contains
zero, the difference is not significant.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.stats.propagation import propagate
from harness.report.content import format as fmt
from harness.report.content.case import Case
from harness.report.content.tables import Table
from harness.results.base import Interval
from harness.results.model import Measurement
from harness.suites.arms import FLOOR
from harness.suites.expressions import Dual, MetricTerm


def tables(case: Case) -> list[Table]:
    """Return one table with the columns that apply; none if the case's CPU time was not measured."""
    measured = case.measured("total_cpu")
    if not measured:
        return []
    floor = case.find(FLOOR, "total_cpu")
    heads = ["scheme", "CPU\nµs/req", "server\nµs/req", "store\nµs/req", "store's\nshare"]
    if floor is not None:
        heads += ["over no-auth\nµs/req", "over no-auth,\nshare"]
    rows = []
    for total in measured:
        row = [total.arm, fmt.with_interval(total.value, total.ci), *_parts(case, total.arm, total.value)]
        if floor is not None:
            is_floor = total.arm == FLOOR
            row += [fmt.NOTHING, fmt.NOTHING] if is_floor else _excess(case, total, floor).cells(total.value)
        rows.append(row)
    return [Table(case.title, heads, rows)]


def sentences(case: Case) -> list[str]:
    """Return what authentication costs with each scheme, and where; none without the no-auth server.

    None either in an invalid run.
    """
    floor = case.find(FLOOR, "total_cpu")
    if floor is None or not case.result.valid:
        return []
    return [
        _sentence(case, total, _excess(case, total, floor))
        for total in case.measured("total_cpu")
        if total.arm != FLOOR
    ]


@dataclass(frozen=True)
class _Excess:
    """CPU time beyond the no-auth server, µs per request; its interval is None with too few processes."""

    value: float
    ci: Interval

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes zero; assumed without an interval."""
        return self.ci is None or not self.ci[0] <= 0 <= self.ci[1]

    def cells(self, total: float) -> list[str]:
        """Return the cells of a table: the difference, and its share of the total if it is positive."""
        share = _share(self.value, total) if self.is_significant and self.value > 0 else fmt.NOTHING
        return [fmt.with_interval(self.value, self.ci), share]


def _excess(case: Case, total: Measurement, floor: Measurement) -> _Excess:
    value = total.value - floor.value
    if total.ci is None or floor.ci is None:
        return _Excess(value, None)
    rows = {MetricTerm(total.arm, total.metric): total, MetricTerm(floor.arm, floor.metric): floor}
    slopes = dict(zip(rows, (1.0, -1.0), strict=True))
    return _Excess(value, propagate(Dual(value, slopes), rows).interval(case.result.run.confidence))


def _sentence(case: Case, total: Measurement, excess: _Excess) -> str:
    size, whole = fmt.with_interval(abs(excess.value), excess.ci), fmt.number(total.value)
    if excess.ci is not None and not excess.is_significant:
        ends = " to ".join(map(fmt.number, excess.ci))
        return (
            f"{total.arm}: no significant difference from the no-auth server ({ends} of {whole} µs per"
            " request)."
        )
    if excess.value < 0:
        return f"{total.arm}: {size} µs per request less than the no-auth server."
    text = f"{total.arm}: authentication costs {size} of {whole} µs per request"
    server, server_floor, store = (
        case.find(arm, metric)
        for arm, metric in ((total.arm, "server_cpu"), (FLOOR, "server_cpu"), (total.arm, "store_cpu"))
    )
    if store is None or store.value <= 0:
        return f"{text}, all in the server."
    if server is None or server_floor is None:
        return f"{text}."
    of_server = _excess(case, server, server_floor)
    return (
        f"{text}: {fmt.with_interval(of_server.value, of_server.ci)} µs in the server,"
        f" {fmt.with_interval(store.value, store.ci)} µs in the store."
    )


def _parts(case: Case, arm: str, total: float) -> list[str]:
    server, store = case.find(arm, "server_cpu"), case.find(arm, "store_cpu")
    return [
        fmt.NOTHING if server is None else fmt.number(server.value),
        fmt.NOTHING if store is None else fmt.number(store.value),
        fmt.NOTHING if store is None else _share(store.value, total),
    ]


def _share(part: float, whole: float) -> str:
    return fmt.percent(part / whole) if whole else fmt.NOTHING
