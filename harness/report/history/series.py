"""Series of results over time: a metric of an arm, or the ratio of two arms. Pure.

Absolute times depend on the machine: their series contain only results of the same machine and way of
measuring as the newest result. Ratios between arms transfer between machines, and their series contain all
results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from pydantic import Field

from harness.analysis.stats.change_points import Change, changes
from harness.errors import SuiteError
from harness.report.compare.comparability import obstacles
from harness.report.content import format as fmt
from harness.results.base import Interval, Model
from harness.results.metrics import METRICS
from harness.results.model import Comparison, Measurement, Result, SeriesKey
from harness.suites.arms import BASE, HEAD

#: Metrics of a history by default: cost, speed, and capacity.
DEFAULT_METRICS: Final = ("total_cpu", "service_p50", "throughput", "capacity")
#: Name of the chart of the ratios between arms.
RATIOS: Final = "ratios"


class Point(Model):
    """Value of one run."""

    run: str
    started_at: str
    revision: str | None
    value: float
    ci: Interval


class Series(SeriesKey):
    """One metric of an arm or pair over time, oldest first."""

    unit: str
    points: list[Point]
    changes: list[Change] = Field(default_factory=list)


class History(Model):
    """Content of `history.json`."""

    schema_version: Literal[1] = 1
    runs: int
    #: Excluded results, each with the reason.
    left_out: list[str]
    series: list[Series]

    def groups(self) -> dict[str, dict[str, list[Series]]]:
        """Return the series by chart and panel: each metric, with a panel per case, then `RATIOS`."""
        groups: dict[str, dict[str, list[Series]]] = {}
        for series in self.series:
            chart, panel = series.metric, series.case
            if series.over is not None:
                chart, panel = RATIOS, f"{series.case}, {series.metric}"
            groups.setdefault(chart, {}).setdefault(panel, []).append(series)
        return groups


def history(results: Sequence[Result], metrics: Sequence[str] = DEFAULT_METRICS) -> History:
    """Return the series of these results that have two points or more, with their change points.

    Args:
        results: Results in any order.
        metrics: Names of metrics; ratios are included for those with a verdict.

    Raises:
        SuiteError: There are fewer than two valid results.
    """
    ordered = sorted(results, key=lambda result: result.run.started_at)
    valid = [result for result in ordered if result.valid]
    left_out = [f"{result.run.id}: invalid" for result in ordered if not result.valid]
    if len(valid) < 2:
        raise SuiteError(f"a history needs two valid results or more (got {len(valid)}).")
    by_key: dict[tuple[str, ...], list[Series]] = {}
    for result in valid:
        if differing := obstacles(valid[-1], result):
            left_out.append(
                f"{result.run.id}: times measured under other conditions ({', '.join(differing)})"
            )
        times = () if differing else _times(result, metrics)
        for single in (*times, *_ratios(result, metrics)):
            by_key.setdefault((single.case, single.metric, single.name), []).append(single)
    trends = [_joined(singles) for singles in by_key.values() if len(singles) > 1]
    trends.sort(key=lambda row: (row.over is not None, row.case, metrics.index(row.metric)))
    return History(runs=len(valid), left_out=left_out, series=trends)


def _joined(singles: Sequence[Series]) -> Series:
    points = [point for single in singles for point in single.points]
    found = changes([point.value for point in points])
    return singles[0].model_copy(update={"points": points, "changes": found})


def _times(result: Result, metrics: Sequence[str]) -> Iterator[Series]:
    for row in result.measurements:
        is_configured = row.metric == "throughput" and not row.load.startswith("closed")
        if row.metric in metrics and "step" not in row.params and not is_configured:
            yield from _series(result, row, None, row.unit, row.value)


def _ratios(result: Result, metrics: Sequence[str]) -> Iterator[Series]:
    for row in result.comparisons:
        if row.primary and row.metric in metrics:
            yield from _series(result, row, row.base, "", row.ratio)


def _series(
    result: Result, row: Measurement | Comparison, over: str | None, unit: str, value: float
) -> Iterator[Series]:
    """Yield the series of one point; none for the older revision of a gate. Arms have their usual names."""
    if any(name.endswith(f"@{BASE}") for name in (row.arm, over or "")):
        return
    point = Point(
        run=result.run.id,
        started_at=result.run.started_at,
        revision=result.environment.git.revision,
        value=value,
        ci=row.ci,
    )
    yield Series(
        scenario=row.scenario,
        load=row.load,
        params=row.params,
        metric=row.metric,
        unit=unit,
        arm=row.arm.removesuffix(f"@{HEAD}"),
        over=None if over is None else over.removesuffix(f"@{HEAD}"),
        points=[point],
    )


def title(metric: str) -> str:
    """Return a metric's title with its unit."""
    details = METRICS[metric]
    return f"{details.title} ({details.unit.replace('us', 'µs')})"


def changes_of(series: Series) -> list[str]:
    """Return each change of level in words."""
    return [
        f"{fmt.change(change.ratio)} since {series.points[change.at].run}"
        f" ({fmt.number(change.before)} to {fmt.number(change.after)})"
        for change in series.changes
    ]
