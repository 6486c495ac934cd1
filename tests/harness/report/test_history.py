"""Figures from run to run: which results belong together, and where a level changed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.analysis.stats.change_points import changes
from harness.errors import SuiteError
from harness.report.charts.history import draw_history
from harness.report.history.series import history
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
