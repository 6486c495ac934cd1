"""Who spends the CPU time of a request: the server or the store, and how much of it is authentication. Pure.

What an arm costs beyond the anonymous floor, which serves the same bytes to anybody, is what authentication
costs it. Such a difference has the interval that the instances of both give it; where zero lies within, the
two are not told apart.
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
    """One table, where the CPU time of a case was counted, with the columns that apply; none elsewhere."""
    measured = case.measured("total_cpu")
    if not measured:
        return []
    floor = case.find(FLOOR, "total_cpu")
    heads = ["arm", "CPU\nus/req", "server\nus/req", "store\nus/req", "store's\nshare"]
    if floor is not None:
        heads += ["over floor\nus/req", "over floor,\nshare"]
    rows = []
    for total in measured:
        row = [total.arm, fmt.with_interval(total.value, total.ci), *_parts(case, total.arm, total.value)]
        if floor is not None:
            is_floor = total.arm == FLOOR
            row += [fmt.NOTHING, fmt.NOTHING] if is_floor else _over(case, total, floor).cells(total.value)
        rows.append(row)
    return [Table(case.title, heads, rows)]


def sentences(case: Case) -> list[str]:
    """What authentication costs each arm, and where; none without the floor, or in an invalid run."""
    floor = case.find(FLOOR, "total_cpu")
    if floor is None or not case.result.valid:
        return []
    return [
        _sentence(case, total, _over(case, total, floor))
        for total in case.measured("total_cpu")
        if total.arm != FLOOR
    ]


@dataclass(frozen=True)
class _Over:
    """What an arm costs beyond the floor, in us a request, and its interval; None from too few instances."""

    value: float
    ci: Interval

    @property
    def is_told(self) -> bool:
        """Whether it is told apart from nothing; of too few instances nobody knows."""
        return self.ci is None or not self.ci[0] <= 0 <= self.ci[1]

    def cells(self, total: float) -> list[str]:
        """In a table: the difference, and its share of the whole where there is one."""
        share = _share(self.value, total) if self.is_told and self.value > 0 else fmt.NOTHING
        return [fmt.with_interval(self.value, self.ci), share]


def _over(case: Case, total: Measurement, floor: Measurement) -> _Over:
    value = total.value - floor.value
    if total.ci is None or floor.ci is None:
        return _Over(value, None)
    rows = {MetricTerm(total.arm, total.metric): total, MetricTerm(floor.arm, floor.metric): floor}
    slopes = dict(zip(rows, (1.0, -1.0), strict=True))
    return _Over(value, propagate(Dual(value, slopes), rows).interval(case.result.run.confidence))


def _sentence(case: Case, total: Measurement, over: _Over) -> str:
    told, whole = fmt.with_interval(abs(over.value), over.ci), fmt.number(total.value)
    if over.ci is not None and not over.is_told:
        ends = " to ".join(map(fmt.number, over.ci))
        return f"{total.arm}: not told apart from the floor, {ends} us of {whole} us a request."
    if over.value < 0:
        return f"{total.arm}: {told} us a request less than the floor."
    text = f"{total.arm}: {told} us of {whole} us a request are beyond the floor"
    server, server_floor, store = (
        case.find(arm, metric)
        for arm, metric in ((total.arm, "server_cpu"), (FLOOR, "server_cpu"), (total.arm, "store_cpu"))
    )
    if store is None or store.value <= 0:
        return f"{text}, all of it the server's."
    if server is None or server_floor is None:
        return f"{text}."
    servers = _over(case, server, server_floor)
    return (
        f"{text}: {fmt.with_interval(servers.value, servers.ci)} us the server's,"
        f" {fmt.with_interval(store.value, store.ci)} us the store's."
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
