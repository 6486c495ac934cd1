"""Figures, looked at through matplotlib's objects: what is drawn, what it says, what it leaves out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from harness.report.charts.instances import noise_floor
from harness.report.charts.latency import solid_until
from harness.report.charts.parts import style
from harness.report.charts.parts.draw import draw_all, figures
from harness.report.charts.parts.drawable import drawable
from harness.report.content.case import cases
from harness.results.model import Check, Result

STORED = Path(__file__).parents[1] / "data" / "result.json"
LONG = "token-that-asks-the-store-whether-it-was-revoked-meanwhile"
#: Figures of the stored example; others need several steps or rates, a long run (test_charts_vitals.py), or
#: an incident (test_charts_incidents.py).
NAMES = ["cost", "instances", "latency", "ratios", "throughput"]
#: Figures of claims: test_charts_claims.py.
OF_CLAIMS = ["distance", "payload", "population", "revocation", "two_by_two"]
ALL_NAMES = sorted([*NAMES, "offered", "steps"])


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style.applied():
        yield


@pytest.fixture
def result() -> Result:
    """The stored example: three arms, a closed and an open loop."""
    return Result.model_validate_json(STORED.read_text())


def figure(name: str, result: Result) -> Figure:
    """Draw one figure that applies."""
    drawn = dict(figures())[name](result)
    assert drawn is not None
    return drawn


def changed(result: Result, change: Callable[[dict[str, Any]], None]) -> Result:
    """The same result with its JSON changed."""
    data = result.model_dump(mode="json")
    change(data)
    return Result.model_validate(data)


def only(scenario: str, result: Result) -> Result:
    """The same result with one scenario left."""

    def keep(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            data[part] = [row for row in data[part] if row["scenario"] == scenario]

    return changed(result, keep)


def without_intervals(result: Result) -> Result:
    """The same result as if there had been one instance an arm."""

    def drop(data: dict[str, Any]) -> None:
        for row in data["measurements"]:
            row.update(ci=None, instances=1, points=row["points"][:1])
        for row in data["comparisons"]:
            row.update(ci=None, noise_floor=None, verdict="inconclusive" if row["primary"] else "not judged")

    return changed(result, drop)


def five_arms(result: Result) -> Result:
    """The same result with two more arms that measure what cookie does; one has a long name."""

    def add(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            cookies = [row for row in data[part] if row["arm"] == "cookie"]
            data[part] += [row | {"arm": name} for name in ("cookie-stock", LONG) for row in cookies]

    return changed(result, add)


def invalid(result: Result) -> Result:
    """The same result, but not to be believed."""
    check = Check(check="errors", status="invalid", detail="12 of 281,940 requests failed")
    return result.model_copy(update={"validity": [*result.validity, check]})


def texts(drawn: Figure) -> str:
    """Everything a figure says, a line each."""
    return "\n".join(text.get_text() for text in drawn.findobj(Text) if isinstance(text, Text))


def row_names(panel: Axes) -> list[str]:
    """The labels of a panel's rows, from top to bottom."""
    return [label.get_text() for label in panel.get_yticklabels()]


def whiskers(panel: Axes) -> int:
    """How many intervals a panel shows."""
    bars = [bar for bar in panel.containers if isinstance(bar, ErrorbarContainer)]
    return sum(bar.has_xerr or bar.has_yerr for bar in bars)


def xs(line: Line2D) -> list[float]:
    """Where the points of a line lie, from left to right."""
    return [float(x) for x in np.asarray(line.get_xdata(), dtype=float)]


def shown_texts(drawn: Figure) -> list[Text]:
    """The texts a reader sees, after the layout is made."""
    drawn.draw_without_rendering()
    found = list(drawn.texts)
    for panel in drawn.axes:
        found += [*panel.texts, panel.xaxis.label, panel.yaxis.label, panel.title, panel._left_title]  # type: ignore[attr-defined]
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            found += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text for text in found if text.get_text().strip()]


def overlaps(drawn: Figure) -> list[tuple[str, str]]:
    """The pairs of texts that lie over one another."""
    boxes = [(text.get_text(), Text.get_window_extent(text)) for text in shown_texts(drawn)]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]


def sweep(result: Result) -> Result:
    """The same result with every case four times, as a scenario with a parameter has them."""

    def repeat(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            data[part] = [row | {"params": {"claims": n}} for n in (1, 4, 16, 64) for row in data[part]]

    return changed(result, repeat)


def standard(result: Result) -> Result:
    """The same result with three rates of its open loop, and a scenario of three steps."""

    def add(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            opened = [row for row in data[part] if row["load"].startswith("open")]
            for rate in (300, 1200):
                data[part] += [row | {"load": f"open, {rate}/s constant"} for row in opened]
            whole = [
                row for row in opened if "_p" not in row.get("metric", "_p") and row["arm"] != "anonymous"
            ]
            data[part] += [row | {"scenario": "journey"} for row in whole]
            for step in ("login", "read", "log-out-everywhere"):
                data[part] += [
                    row | {"scenario": "journey", "params": {"step": step}}
                    for row in opened
                    if row["arm"] != "anonymous" and row.get("metric", "service_p").startswith("service_p")
                ]

    return changed(result, add)


VARIANTS: dict[str, Callable[[Result], Result]] = {
    "stored": lambda result: result,
    "one scenario": partial(only, "steady"),
    "five arms": five_arms,
    "no intervals": without_intervals,
    "invalid": invalid,
    "sweep": sweep,
    "standard": standard,
}


@pytest.mark.parametrize("name", ALL_NAMES)
@pytest.mark.parametrize(
    "variant", [pytest.param(name, marks=pytest.mark.slow) if name == "sweep" else name for name in VARIANTS]
)
def test_nothing_is_cropped_overlaps_or_is_too_small(name: str, variant: str, result: Result) -> None:
    """Every text lies on the page, apart from every other, at 8 points or more."""
    drawn = dict(figures())[name](VARIANTS[variant](result))
    if drawn is None:
        assert (name, variant) == ("throughput", "one scenario") or name not in NAMES
        return
    seen = shown_texts(drawn)
    assert overlaps(drawn) == []
    assert min(float(text.get_fontsize()) for text in seen) >= 8
    box, (width, height) = drawn.get_tightbbox(), drawn.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height


def test_every_figure_is_found_by_listing_the_folder() -> None:
    """Helpers are no figures; the figures come by name."""
    assert [name for name, _ in figures()] == sorted(
        [*ALL_NAMES, *OF_CLAIMS, "incidents", "scale_out", "vitals"]
    )


def test_listing_the_figures_is_not_needed_to_import_the_package() -> None:
    """`bench.py list` must not pay for matplotlib."""
    code = "import sys, harness.report.charts; sys.exit('matplotlib' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.slow
def test_png_and_svg_are_written_the_same_each_time(result: Result, tmp_path: Path) -> None:
    """The same result gives the same bytes, also after other figures were drawn."""
    first, second = draw_all(result, tmp_path / "a"), draw_all(result, tmp_path / "new" / "b")
    assert [path.name for path in first] == [f"{name}.{kind}" for name in NAMES for kind in ("png", "svg")]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in first[1].read_bytes()
    assert b"dc:date" not in first[1].read_bytes()


@pytest.mark.slow
def test_a_users_own_settings_change_nothing(result: Result, tmp_path: Path) -> None:
    """A matplotlibrc is somebody else's taste."""
    one = only("steady", result)
    plain = draw_all(one, tmp_path / "plain")
    with mpl.rc_context({"font.size": 20.0, "axes.facecolor": "red", "savefig.dpi": 30}):
        taste = draw_all(one, tmp_path / "taste")
    assert [path.read_bytes() for path in plain] == [path.read_bytes() for path in taste]


def test_figures_that_do_not_apply_are_left_out(result: Result, tmp_path: Path) -> None:
    """No closed loop, no throughput; nothing compared, no ratios, no instances; no histograms, no latency."""

    def strip(data: dict[str, Any]) -> None:
        data.update(comparisons=[], distributions=[])

    bare = changed(only("steady", result), strip)
    assert [path.name for path in draw_all(bare, tmp_path)] == ["cost.png", "cost.svg"]


@pytest.mark.slow
@pytest.mark.parametrize("far", [1e5, 1e100])
def test_intervals_that_tell_nothing_are_left_out(far: float, result: Result, tmp_path: Path) -> None:
    """Two instances that differ wildly have such: the figures are those of a result without intervals."""
    one = only("saturation", result)

    def widen(data: dict[str, Any]) -> None:
        for row in data["measurements"]:
            row["ci"] = [row["value"] / far, row["value"] * far]
        for row in data["comparisons"]:
            row.update(ci=[row["ratio"] / far, row["ratio"] * far], noise_floor=far)

    def drop(data: dict[str, Any]) -> None:
        for row in data["measurements"]:
            row["ci"] = None
        for row in data["comparisons"]:
            row.update(ci=None, noise_floor=None)

    wide, without = changed(one, widen), changed(one, drop)
    zero = [row for row in wide.measurements if row.value == 0]
    assert drawable(wide).comparisons == without.comparisons
    assert [r for r in drawable(wide).measurements if r not in zero] == [
        r for r in without.measurements if r.value
    ]
    assert drawable(result) == result
    assert draw_all(only("saturation", wide), tmp_path)


def test_an_empty_result_draws_nothing(result: Result, tmp_path: Path) -> None:
    """A run that was stopped at once has nothing to show."""
    empty = result.model_copy(update={"measurements": [], "comparisons": [], "distributions": []})
    assert draw_all(empty, tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_caption_says_how_it_was_measured(name: str, result: Result) -> None:
    """Intervals, instances, CPUs, run and load model stand in every figure."""
    said = " ".join(texts(figure(name, result)).split())
    assert "8 server processes per scheme, 99 % confidence intervals" in said
    assert "servers and store share CPU 0" in said
    assert "run 20260301-101500-quick" in said
    assert "(closed, 8 users)" in said


@pytest.mark.parametrize("name", ["cost", "instances", "ratios"])
def test_the_title_names_the_winner(name: str, result: Result) -> None:
    """Computed from the twins' comparison, not from the one with the floor."""
    title = " ".join(line.get_text() for line in figure(name, result).texts[:2])
    assert title.startswith("token wins: cookie needs 52.9 % more CPU")
    assert "99 % CI +51.3 to +54.6 %" in title


def test_the_latency_title_is_about_the_case_that_was_judged(result: Result) -> None:
    """Steady comes second, but the median was judged there."""
    title = figure("latency", result).texts[0].get_text()
    assert title.startswith("token wins: cookie has a median service time 61.6 % longer")
    assert "(steady," in title


@pytest.mark.parametrize("name", NAMES)
def test_an_invalid_run_says_so_and_names_no_winner(name: str, result: Result) -> None:
    """The reason stands in red; no verdict is left."""
    drawn = figure(name, invalid(result))
    said = texts(drawn)
    assert "INVALID: errors: 12 of 281,940 requests failed" in said
    assert "wins" not in said
    assert "slower" not in said
    assert [text.get_color() for text in drawn.texts if "INVALID" in text.get_text()] == [style.RED]


def test_throughput_shows_closed_loops_only(result: Result) -> None:
    """One row an arm in the suite's order, its interval, its value."""
    drawn = figure("throughput", result)
    [panel] = drawn.axes
    assert row_names(panel) == ["anonymous", "token", "cookie"]
    assert whiskers(panel) == 3
    assert [text.get_text() for text in panel.texts][1] == "6,575 ± 66 req/s"
    assert panel.get_xlabel() == "throughput (req/s)"
    assert panel.get_xlim()[0] == 0


def test_cost_stacks_the_store_on_the_server(result: Result) -> None:
    """The store's part begins where the server's ends; an arm without a store has one part."""
    panel = figure("cost", result).axes[0]
    parts = [bar for bar in panel.patches if isinstance(bar, Rectangle)]
    assert len(parts) == 4
    server, store = parts[2:]
    assert store.get_x() == pytest.approx(server.get_width())
    assert store.get_hatch()
    assert not server.get_hatch()
    assert whiskers(panel) == 3


def test_cost_without_parts_is_one_bar_an_arm(result: Result) -> None:
    """A remote store's CPU cannot be counted: the total still can be drawn."""

    def drop(data: dict[str, Any]) -> None:
        data["measurements"] = [
            row for row in data["measurements"] if row["metric"] not in ("server_cpu", "store_cpu")
        ]

    assert len(figure("cost", changed(result, drop)).axes[0].patches) == 3


def test_instances_shows_every_instance_and_the_noise_floor(result: Result) -> None:
    """Eight marks an arm, their mean, and a band as wide as the largest noise floor on both sides."""
    first, second = figure("instances", result).axes
    dots = [line for line in first.lines if len(xs(line)) == 8]
    assert len(dots) == 3
    assert (first.get_xlabel(), second.get_xlabel()) == (
        "Server and store CPU (µs/req)",
        "Service time, median (µs)",
    )
    saturation = cases(result)[0]
    cookie = saturation.find("cookie", "total_cpu")
    assert cookie is not None
    assert noise_floor(saturation, cookie) == 0.0109
    band = [patch for patch in first.patches if isinstance(patch, Rectangle)][2]
    assert band.get_x() == pytest.approx(cookie.value / 1.0109)
    assert band.get_x() + band.get_width() == pytest.approx(cookie.value * 1.0109)


def test_without_intervals_there_are_no_whiskers_and_no_bands(result: Result) -> None:
    """Too few instances: the values stand alone."""
    bare = without_intervals(result)
    instances = figure("instances", bare).axes[0]
    assert whiskers(instances) == 0
    assert len(instances.patches) == 0
    assert whiskers(figure("ratios", bare).axes[0]) == 0
    assert "(no interval)" in texts(figure("ratios", bare))


@pytest.mark.parametrize(("samples", "percentile"), [(0, 0.0), (50, 0.0), (10_000, 99.0), (100_000, 99.9)])
def test_a_line_is_solid_while_100_samples_lie_beyond(samples: int, percentile: float) -> None:
    """100 of 10,000 lie beyond the 99th percentile."""
    assert solid_until(samples) == pytest.approx(percentile)


def test_latency_draws_both_clocks_in_the_open_loop_only(result: Result) -> None:
    """A line and its faint end for every arm and clock; service is solid, response dashed."""
    closed, opened = figure("latency", result).axes
    assert [len(lines(panel)) for panel in (closed, opened)] == [6, 12]
    styles = [line.get_linestyle() for line in lines(opened)]
    assert (styles.count("-"), styles.count("--"), styles.count(":")) == (3, 3, 6)
    assert [label.get_text() for label in opened.get_xticklabels()] == [
        "0",
        "50",
        "90",
        "99",
        "99.9",
        "99.99",
    ]
    assert opened.get_ylabel() == "latency (µs)"
    assert opened.get_yscale() == "log"


def test_latency_is_faint_where_few_samples_lie_beyond(result: Result) -> None:
    """15,680 requests: 100 lie beyond 99.36 %, so nothing solid is right of 1 / (1 - 0.9936)."""
    opened = figure("latency", result).axes[1]
    solid = [line for line in lines(opened) if line.get_linestyle() != ":"]
    assert max(max(xs(line)) for line in solid) <= 15_680 / 100
    assert max(max(xs(line)) for line in lines(opened)) <= 15_680


def test_slow_answers_are_told_in_milliseconds(result: Result) -> None:
    """From 10,000 us on."""

    def slow(data: dict[str, Any]) -> None:
        for row in data["distributions"]:
            row["points"] = [(percentile, value * 100) for percentile, value in row["points"]]

    assert figure("latency", changed(result, slow)).axes[0].get_ylabel() == "latency (ms)"


def test_ratios_lists_primary_first_and_marks_the_verdict(result: Result) -> None:
    """The twins come before the floor; throughput of an open loop is no finding."""
    closed, opened = figure("ratios", result).axes
    assert row_names(closed)[:3] == ["Server and store CPU (primary)", "cookie / token", "token / anonymous"]
    assert "Throughput (larger is better)" in row_names(closed)
    assert not any("Throughput" in name for name in row_names(opened))
    said = [(text.get_text(), text.get_color()) for text in closed.texts]
    assert said[0] == ("1.529 (1.513 to 1.546)", style.BLACK)
    assert said[1] == ("\N{BLACK DOWN-POINTING TRIANGLE} slower", style.VERMILLION)
    assert said[-1] == ("not judged", style.GREY)
    band = closed.patches[0]
    assert isinstance(band, Rectangle)
    assert band.get_x() == pytest.approx(1 / 1.03)
    assert band.get_x() + band.get_width() == pytest.approx(1.03)


def test_arms_keep_their_looks_and_differ_without_colour() -> None:
    """The twins and the floor look the same in every suite; no two arms share a mark."""
    few, many = (
        style.arm_styles(["cookie", "token"]),
        style.arm_styles(["token", "a", "b", "anonymous", "c", "cookie"]),
    )
    assert (few["cookie"], few["token"]) == (many["cookie"], many["token"])
    assert len({look.marker for look in many.values()}) == len({look.colour for look in many.values()}) == 6


#: What is seen of linear red, green and blue without one kind of cones (Machado and others, 2009).
SIGHT: dict[str, list[list[float]]] = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_of_arms_are_told_apart_by_all(sight: str) -> None:
    """At least 10 apart in CIELAB, where 2 can just be seen, for all of the eight colours there are."""
    looks = style.arm_styles(["cookie", "token", "anonymous", "a", "b", "c", "d", "e"])
    seen = {name: _lab(look.colour, SIGHT[sight]) for name, look in looks.items()}
    near = [(a, b) for a, b in combinations(seen, 2) if np.linalg.norm(seen[a] - seen[b]) < 10]
    assert near == []
    assert len({look.colour for look in looks.values()}) == len({look.marker for look in looks.values()}) == 8


def _lab(colour: str, sight: list[list[float]]) -> Any:
    """A colour as it is seen, in CIELAB under daylight (D65)."""
    shades = np.array(to_rgb(colour))
    linear = np.where(shades <= 0.04045, shades / 12.92, ((shades + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(sight) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear / np.array([0.9505, 1, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_a_long_name_is_wrapped_and_then_cut() -> None:
    """It must not push the panel off the page."""
    assert style.label("cookie") == "cookie"
    wrapped = style.label(LONG).split("\n")
    assert max(map(len, wrapped)) <= 20
    assert len(wrapped) <= 3
    assert style.shorten("abcdefghij", 5) == "ab\N{HORIZONTAL ELLIPSIS}ij"


def test_pairs_of_long_names_stay_apart(result: Result) -> None:
    """What the long arm is compared with must not be cut off."""
    pairs = row_names(figure("ratios", five_arms(result)).axes[0])[1:8]
    assert len(set(pairs)) == 7
    assert any(pair.endswith("meanwhile / anonymous") for pair in pairs)


def lines(panel: Axes) -> list[Line2D]:
    """The lines of a latency panel, without its marks."""
    return [line for line in panel.lines if line.get_marker() == "None" and len(xs(line)) > 2]


def test_steps_stand_arm_beside_arm(result: Result) -> None:
    """A row a step and arm, in the order taken; steps are in no other figure."""
    drawn = figure("steps", standard(result))
    [panel] = drawn.axes
    names = [name.replace("\n", " ") for name in row_names(panel)]
    assert names[:4] == ["login, token", "login, cookie", "read, token", "read, cookie"]
    assert len(names) == 6
    assert "journey, step=login" in drawn.texts[0].get_text()
    titles = [panel._left_title.get_text() for panel in figure("latency", standard(result)).axes]  # type: ignore[attr-defined]
    assert titles
    assert not any("step=" in title for title in titles)


def test_offered_loads_stand_by_rate(result: Result) -> None:
    """A line an arm through every rate, rising; the load model is named."""
    drawn = figure("offered", standard(result))
    median, tail = drawn.axes
    assert [label.get_text() for label in median.get_xticklabels()] == ["300", "1,200", "2,000"]
    lines = [bar.lines[0] for bar in median.containers if isinstance(bar, ErrorbarContainer)]
    assert len(lines) == 3
    assert all(xs(line) == sorted(xs(line)) and len(xs(line)) == 3 for line in lines)
    assert "Open loop" in texts(drawn)
    assert "constant" in median.get_xlabel()
    assert tail.get_xlabel() == median.get_xlabel()


def test_one_rate_is_no_sweep(result: Result) -> None:
    """Latency against load needs two loads; steps need a scenario of several."""
    assert dict(figures())["offered"](result) is None
    assert dict(figures())["steps"](result) is None
