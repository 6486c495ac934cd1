"""Results in the order of their time, cut into series: a metric of an arm, or the ratio of two arms. Pure.

Times belong to a machine: their series hold only results of such a machine, measured in such a way, as the
newest is. Ratios between arms travel, and their series hold all.
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

#: What a history is about where nobody says: cost, speed, and what a server bears.
METRICS_TOLD: Final = ("total_cpu", "service_p50", "throughput", "capacity")


class Point(Model):
    """One run's figure."""

    run: str
    started_at: str
    revision: str | None
    value: float
    ci: Interval


class Series(SeriesKey):
    """One figure over time, oldest first."""

    unit: str
    points: list[Point]
    changes: list[Change] = Field(default_factory=list)


class History(Model):
    """What `history.json` holds."""

    schema_version: Literal[1] = 1
    runs: int
    #: What was left out, and why.
    left_out: list[str]
    series: list[Series]


def history(results: Sequence[Result], metrics: Sequence[str] = METRICS_TOLD) -> History:
    """The series of these results that have two points or more, with their change points.

    Args:
        results: In any order.
        metrics: Which; ratios are told of those that were judged.

    Raises:
        SuiteError: There are not two valid results.
    """
    ordered = sorted(results, key=lambda result: result.run.started_at)
    valid = [result for result in ordered if result.valid]
    left_out = [f"{result.run.id}: invalid" for result in ordered if not result.valid]
    if len(valid) < 2:
        raise SuiteError(f"a history needs two valid results or more (got {len(valid)}).")
    found: dict[tuple[str, ...], Series] = {}
    for result in valid:
        differing = obstacles(valid[-1], result)
        if differing:
            left_out.append(f"{result.run.id}: times of another machine or way ({', '.join(differing)})")
        else:
            _add(found, _times(result, metrics))
        _add(found, _ratios(result, metrics))
    series = [one for one in found.values() if len(one.points) > 1]
    return History(
        runs=len(valid),
        left_out=left_out,
        series=[
            one.model_copy(update={"changes": changes([point.value for point in one.points])})
            for one in sorted(
                series, key=lambda one: (one.over is not None, one.case, metrics.index(one.metric))
            )
        ],
    )


def _add(found: dict[tuple[str, ...], Series], more: Iterable[Series]) -> None:
    for one in more:
        key = (one.case, one.metric, one.name)
        if key in found:
            found[key].points.extend(one.points)
        else:
            found[key] = one


def _times(result: Result, metrics: Sequence[str]) -> Iterator[Series]:
    for row in result.measurements:
        arm = _arm(row.arm)
        is_told = row.metric in metrics and "step" not in row.params
        if arm is None or not is_told or (row.metric == "throughput" and not row.load.startswith("closed")):
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
    """An arm as plain runs name it: of a gate's two trees the newer counts."""
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
    """A metric's name for people, with its unit."""
    about = METRICS[metric]
    return f"{about.title} ({about.unit})"
