"""Latency by offered load, median and 99th percentile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts import latency
from harness.report.charts.parts import lines, page, style, tooltips
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

_METRICS: Final = ("response_p50", "response_p99")
_PANEL_HEIGHT: Final = 3.6
#: Arms are drawn side by side at a rate, this share of the axis apart.
_ARMS_APART: Final = 0.02
_READING: Final = (
    "Open loop: requests arrive at the rate on the axis, however fast the server is. Response time starts at"
    " the scheduled arrival, so queueing counts; less is better. Mark: mean over server processes, with its"
    " CI."
)
_CAPACITY: Final = " Dashed line in a band: capacity, the highest load that meets the limit, with its CI."


def draw(result: Result) -> Figure | None:
    """Draw two panels per scenario measured under several rates; None if there is none."""
    sweeps = _sweeps(result)
    if not sweeps:
        return None
    styles = style.arm_styles(result.arms())
    searches = [search for sweep in sweeps for search in _searches(sweep)]
    busiest = [sweep[-1] for sweep in sweeps]
    judged = (searches, "capacity") if searches else (busiest, "service_p50")
    title = page.finding(*judged, "Latency by offered load")
    legend = lines.legend(sweeps[0][0].arms, styles, latency.LEGEND_CHARACTERS)
    heights = [_PANEL_HEIGHT] * len(_METRICS) * len(sweeps)
    reading = _READING + _CAPACITY if searches else _READING
    figure, panels = page.open_page(result, title, reading, heights, len(_METRICS), legend)
    places = [(sweep, metric) for sweep in sweeps for metric in _METRICS]
    for panel, (sweep, metric) in zip(panels, places, strict=True):
        _panel(panel, sweep, metric, styles)
    return figure


def _sweeps(result: Result) -> list[list[Case]]:
    """Return the cases of each scenario measured under more than one rate, by rising rate."""
    groups: dict[str, list[Case]] = {}
    for case in cases(result):
        if case.offered_rate is not None and case.measured(_METRICS[0]):
            groups.setdefault(case.name, []).append(case)
    return [sorted(group, key=_rate) for group in groups.values() if len({_rate(case) for case in group}) > 1]


def _rate(case: Case) -> float:
    return case.offered_rate or 0.0


def _searches(sweep: Sequence[Case]) -> list[Case]:
    """Return the cases of the scenario of a sweep in which the capacity was searched for."""
    return [
        case
        for case in cases(sweep[0].result)
        if case.name == sweep[0].name and case.measured("capacity") and case.searched_limit_ms
    ]


def _mark_capacity(panel: Axes, search: Case, styles: dict[str, style.ArmStyle]) -> float:
    """Mark the capacity of each arm with a line in a band, and return how far right the bands reach."""
    farthest = 0.0
    for index, row in enumerate(search.measured("capacity")):
        low, high = row.ci or (row.value, row.value)
        colour = styles[row.arm].colour
        panel.axvspan(low, high, color=colour, alpha=0.18, linewidth=0)
        panel.axvline(row.value, color=colour, linestyle="--", linewidth=1.4)
        panel.annotate(
            f"{row.value:,.0f}/s", (row.value, 0), (-4, 6 + 13 * index), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="right", va="bottom", color=colour,
            bbox=style.white(1),
        )  # fmt: skip
        farthest = max(farthest, high)
    return farthest


def _panel(panel: Axes, sweep: list[Case], metric: str, styles: dict[str, style.ArmStyle]) -> None:
    arms = sweep[0].arms
    widest = _rate(sweep[-1])
    values = [row.value for case in sweep for row in case.measured(metric)]
    scale, unit = latency.scale(max(values))
    for index, arm in enumerate(arms):
        rows_of_arm = [(case, row) for case in sweep if (row := case.find(arm, metric)) is not None]
        shift = (index - (len(arms) - 1) / 2) * _ARMS_APART * widest
        drawn = panel.errorbar(
            [_rate(case) + shift for case, _ in rows_of_arm],
            [row.value / scale for _, row in rows_of_arm],
            yerr=_reaches([row for _, row in rows_of_arm], scale),
            fmt=f"{styles[arm].marker}-", color=styles[arm].colour, ms=6,
            linewidth=1.8, elinewidth=1.2, capsize=3,
        )  # fmt: skip
        texts = [f"{arm} at {_rate(case):,g}/s: {style.measured(row)}" for case, row in rows_of_arm]
        tooltips.add_tooltips(drawn.lines[0], texts)
    searches = _searches(sweep)
    widest = max([widest, *(_mark_capacity(panel, search, styles) for search in searches)])
    for search in searches:
        if metric == "response_p99" and (limit := search.searched_limit_ms):
            panel.axhline(limit * 1e3 / scale, color=style.BLACK, linestyle=":", linewidth=1.2)
            panel.annotate(
                f"limit for capacity: {limit:g} ms", (0, limit * 1e3 / scale), (6, 3),
                xycoords="data", textcoords="offset points",
            )  # fmt: skip
    style.set_title(panel, f"{sweep[0].name}: {METRICS[metric].title.lower()}", 2)
    panel.grid(True, axis="both")
    if not searches:
        panel.set_xticks([_rate(case) for case in sweep])
    panel.xaxis.set_major_formatter(style.plain)
    panel.set_xlim(0, widest * 1.1)
    panel.set_xlabel(f"offered load (arrivals/s, {sweep[0].load.split()[-1]} gaps)")
    latency.value_axis(panel, unit)


def _reaches(rows: Sequence[Measurement], scale: float) -> list[list[float]] | None:
    """Return how far the intervals are drawn below and above each value; None if one has no interval."""
    reaches = [reach for row in rows if (reach := style.reach(row.value, row.ci, scale)) is not None]
    if len(reaches) < len(rows):
        return None
    return [[reach[side][0] for reach in reaches] for side in (0, 1)]
