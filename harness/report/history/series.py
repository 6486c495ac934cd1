"""Series of results over time: a metric of an arm, or the ratio of two arms. Pure.

Absolute times depend on the machine: their series contain only results of the same machine and way of
measuring as the newest result. Ratios between arms transfer between machines, and their series contain all
results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from pydantic import Field

from harness.analysis.stats.change_points import Change, changes
from harness.errors import SuiteError
from harness.report.compare.comparability import obstacles
from harness.results.base import Interval, Model
from harness.results.metrics import METRICS
from harness.results.model import Result, SeriesKey
from harness.suites.arms import BASE, HEAD

#: Metrics of a history by default: cost, speed, and capacity.
DEFAULT_METRICS: Final = ("total_cpu", "service_p50", "throughput", "capacity")


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
    by_key: dict[tuple[str, ...], Series] = {}
    for result in valid:
        differing = obstacles(valid[-1], result)
        if differing:
            left_out.append(
                f"{result.run.id}: times measured under other conditions ({', '.join(differing)})"
            )
        else:
            _add(by_key, _times(result, metrics))
        _add(by_key, _ratios(result, metrics))
    trends = [series for series in by_key.values() if len(series.points) > 1]
    return History(
        runs=len(valid),
        left_out=left_out,
        series=[
            series.model_copy(update={"changes": changes([point.value for point in series.points])})
            for series in sorted(
                trends, key=lambda row: (row.over is not None, row.case, metrics.index(row.metric))
            )
        ],
    )


def _add(by_key: dict[tuple[str, ...], Series], more: Iterable[Series]) -> None:
    for series in more:
        key = (series.case, series.metric, series.name)
        if key in by_key:
            by_key[key].points.extend(series.points)
        else:
            by_key[key] = series


def _times(result: Result, metrics: Sequence[str]) -> Iterator[Series]:
    for row in result.measurements:
        arm = _arm(row.arm)
        is_shown = row.metric in metrics and "step" not in row.params
        if arm is None or not is_shown or (row.metric == "throughput" and not row.load.startswith("closed")):
            continue
        yield Series(
            scenario=row.scenario,
            load=row.load,
            params=row.params,
            metric=row.metric,
            unit=row.unit,
            arm=arm,
            over=None,
            points=[_point(result, row.value, row.ci)],
        )


def _ratios(result: Result, metrics: Sequence[str]) -> Iterator[Series]:
    for row in result.comparisons:
        arm, base = _arm(row.arm), _arm(row.base)
        if row.primary and row.metric in metrics and arm is not None and base is not None:
            yield Series(
                scenario=row.scenario,
                load=row.load,
                params=row.params,
                metric=row.metric,
                unit="",
                arm=arm,
                over=base,
                points=[_point(result, row.ratio, row.ci)],
            )


def _arm(name: str) -> str | None:
    """Return an arm's name in ordinary runs; None for the older revision of a gate."""
    return None if name.endswith(f"@{BASE}") else name.removesuffix(f"@{HEAD}")


def _point(result: Result, value: float, ci: Interval) -> Point:
    return Point(
        run=result.run.id,
        started_at=result.run.started_at,
        revision=result.environment.git.revision,
        value=value,
        ci=ci,
    )


def title(metric: str) -> str:
    """Return a metric's title with its unit."""
    details = METRICS[metric]
    return f"{details.title} ({details.unit.replace('us', 'µs')})"
