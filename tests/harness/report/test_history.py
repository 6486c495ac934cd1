"""Figures from run to run: which results belong together, and where a level changed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from harness.analysis.stats.change_points import Change, changes
from harness.errors import SuiteError
from harness.report.charts.history import draw_history, figures
from harness.report.charts.parts import style, tooltips
from harness.report.history.series import History, Point, Series, history
from harness.results.model import Result

STORED = Path(__file__).parents[1] / "data" / "result.json"


def run(number: int, scale: float = 1.0, arm: str = "cookie", cpu: str = "") -> Result:
    """The stored example, run on another day, one arm of it so much dearer."""
    one = Result.model_validate_json(STORED.read_text())
    environment = one.environment.model_copy(update={"cpu": cpu or one.environment.cpu})
    rows = [
        row.model_copy(update={"value": row.value * scale, "ci": row.ci and tuple(x * scale for x in row.ci)})
        if row.arm == arm and row.metric == "total_cpu"
        else row
        for row in one.measurements
    ]
    about = one.run.model_copy(
        update={"id": f"run-{number}", "started_at": f"2026-11-{number:02d}T08:00:00+00:00"}
    )
    return one.model_copy(update={"run": about, "environment": environment, "measurements": rows})


def noisy(rng: random.Random, level: float, count: int, sd: float = 0.02) -> list[float]:
    """Runs of one level, as far apart as runs of one code are."""
    return [level * rng.lognormvariate(0, sd) for _ in range(count)]


def test_a_change_of_level_is_found_where_it_is() -> None:
    """Ten per cent, among runs that differ by two."""
    rng = random.Random(1)  # noqa: S311 - a reproducible simulation
    [change] = changes([*noisy(rng, 100, 12), *noisy(rng, 110, 12)])
    assert change.at in (11, 12, 13)
    assert change.ratio == pytest.approx(1.1, abs=0.02)
    assert change.p_value < 0.001
    up, down = changes([*noisy(rng, 100, 12), *noisy(rng, 120, 12), *noisy(rng, 100, 12)])
    assert (up.ratio > 1, down.ratio < 1) == (True, True)


def test_noise_alone_seldom_changes_level() -> None:
    """At a level of one in a thousand a split: of 40 series of one level hardly any has a change."""
    rng = random.Random(2)  # noqa: S311 - a reproducible simulation
    assert sum(bool(changes(noisy(rng, 100, 20))) for _ in range(40)) <= 2


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0], [5.0] * 10, [0.0, 1.0, 2.0], [1.0, 1.0, 1.0]])
def test_short_and_flat_series_have_none(values: list[float]) -> None:
    """Two runs that differ are no change of level yet."""
    assert changes(values) == []


def test_series_are_in_the_order_of_time() -> None:
    """Whatever the order in which results were found."""
    found = history([run(3), run(1), run(2)])
    one = next(s for s in found.series if (s.arm, s.metric, s.over) == ("cookie", "total_cpu", None))
    assert [point.run for point in one.points] == ["run-1", "run-2", "run-3"]
    assert found.runs == 3
    assert all(len(series.points) == 3 for series in found.series)


def test_times_of_other_machines_are_left_out_and_ratios_are_not() -> None:
    """Microseconds belong to a machine; ratios travel."""
    found = history([run(1, cpu="Another"), run(2), run(3)])
    assert found.left_out == ["run-1: times measured under other conditions (CPU)"]
    lengths = {series.over is not None: len(series.points) for series in found.series}
    assert lengths == {False: 2, True: 3}


def test_invalid_results_are_left_out_and_two_are_needed() -> None:
    """There is no history of one."""
    bad = run(1)
    check = bad.validity[0].model_copy(update={"status": "invalid"})
    bad = bad.model_copy(update={"validity": [check]})
    with pytest.raises(SuiteError, match=r"two valid results or more \(got 1\)"):
        history([bad, run(2)])
    assert history([bad, run(2), run(3)]).left_out == ["run-1: invalid"]


def test_of_a_gates_arms_the_newer_counts() -> None:
    """`cookie@head` is the cookie of that day; what it was compared with is not."""
    gate = run(2)
    names = {"cookie": "cookie@head", "token": "token@base"}
    rows = [row.model_copy(update={"arm": names.get(row.arm, row.arm)}) for row in gate.measurements]
    found = history([run(1), gate.model_copy(update={"measurements": rows, "comparisons": []})])
    assert {"cookie"} <= {series.arm for series in found.series}
    assert "token" not in {series.arm for series in found.series}


@pytest.mark.slow
def test_figures_are_drawn_for_each_metric(tmp_path: Path) -> None:
    """As PNG and SVG, the same twice."""
    rng = random.Random(3)  # noqa: S311 - a reproducible simulation
    scales = [*noisy(rng, 1, 8), *noisy(rng, 1.2, 8)]
    found = history([run(number + 1, scale) for number, scale in enumerate(scales)])
    assert any(series.changes for series in found.series)
    files = draw_history(found, tmp_path)
    assert {"history-total_cpu.png", "history-ratios.svg"} <= {file.name for file in files}
    before = {file.name: file.read_bytes() for file in files}
    assert {file.name: file.read_bytes() for file in draw_history(found, tmp_path)} == before


def series(name: str, values: list[float], changes: list[Change] | None = None) -> Series:
    """An arm's CPU from day to day, each with an interval of one on both sides."""
    points = [
        Point(run=f"run-{i}", started_at=f"2026-11-{i + 1:02d}", revision=None, value=v, ci=(v - 1, v + 1))
        for i, v in enumerate(values)
    ]
    about = {"scenario": "steady", "load": "open", "params": {}, "metric": "total_cpu", "unit": "us/req"}
    return Series.model_validate(
        about | {"arm": name, "over": None, "points": points, "changes": changes or []}
    )


def panel(*shown: Series) -> Axes:
    """The one panel of a history of these."""
    with style.applied():
        [figure] = figures(History(runs=len(shown[0].points), left_out=[], series=list(shown))).values()
    [found] = figure.axes
    return found


def places(line: Line2D) -> list[tuple[float, float]]:
    """Where the points of a line are."""
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]


def intervals(drawn: Axes) -> list[tuple[float, float]]:
    """The ends of the intervals that can be seen, from left to right."""
    bars: Any = drawn.collections
    seen = [segment for bar in bars for segment in bar.get_segments() if len(segment)]
    return [(float(low), float(high)) for (_, low), (_, high) in seen]


def test_points_are_drawn_to_scale() -> None:
    """Three runs from the first to the last, each with its interval and in words."""
    drawn = panel(series("cookie", [10, 20, 30]))
    assert places(drawn.lines[0]) == [(0, 10), (1, 20), (2, 30)]
    assert intervals(drawn) == [(9, 11), (19, 21), (29, 31)]
    assert drawn.get_title(loc="left") == "steady (open)"
    lowest, highest = drawn.get_ylim()
    assert lowest < 9
    assert highest > 31
    figure: Any = drawn.figure
    [(marks, texts)] = tooltips.artists_with_tooltips(figure)
    assert marks is drawn.lines[0]
    assert texts == ("cookie, run-0: 10.0 ± 1.0", "cookie, run-1: 20.0 ± 1.0", "cookie, run-2: 30.0 ± 1.0")


def test_a_run_without_an_interval_has_none_among_others() -> None:
    """As from a single server process; one too wide to be drawn whole is cut at a factor of two."""
    one = series("cookie", [10, 20, 30])
    bare = one.points[1].model_copy(update={"ci": None})
    wide = one.points[2].model_copy(update={"ci": (-500.0, 900.0)})
    drawn = panel(one.model_copy(update={"points": [one.points[0], bare, wide]}))
    assert places(drawn.lines[0]) == [(0, 10), (1, 20), (2, 30)]
    assert intervals(drawn) == [(9, 11), (15, 60)]


def test_levels_and_changes_are_drawn_where_they_are() -> None:
    """Two levels, and the change in the middle between two runs, with its size."""
    change = Change(at=3, before=10, after=20, p_value=0.0001)
    drawn = panel(series("token", [10, 10, 10, 20, 20, 20], [change]))
    levels = [places(line) for line in drawn.lines if line.get_alpha()]
    assert levels == [[(-0.4, 10), (2.4, 10)], [(2.6, 20), (5.4, 20)]]
    [moved] = [line for line in drawn.lines if line.get_linestyle() == "--"]
    assert {x for x, _ in places(moved)} == {2.5}
    assert [text.get_text() for text in drawn.texts] == ["token +100.0 %"]
    assert drawn.figure.texts[0].get_text().endswith(": token +100.0 % since 2026-11-04")


def test_an_arm_looks_the_same_everywhere() -> None:
    """As in all figures, whatever stands beside it."""
    names = ["token-cutoff", "anonymous", "token", "cookie", "token-lookup"]
    drawn = panel(*(series(name, [1, 2]) for name in names))
    legend = drawn.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == names
    shown = [(line.get_color(), line.get_marker()) for line in drawn.lines if len(places(line)) == 2]
    looks = [style.arm_styles(names)[name] for name in names]
    assert shown[::3] == [(look.colour, look.marker) for look in looks]
