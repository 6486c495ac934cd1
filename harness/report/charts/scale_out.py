"""Throughput and CPU cores of servers and store, by number of server processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.stats import scaling
from harness.analysis.stats.estimate import Estimate
from harness.analysis.stats.scaling import ScalingStep
from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.results.model import Measurement, Result

#: The claims that this chart is about.
CLAIMS: Final = (2, 18)
_PANEL: Final = 4.0
_ACROSS: Final = "server processes behind one port"
#: Marks of arms are drawn side by side, this share of a step apart.
_APART: Final = 0.12
_HEADROOM: Final = 1.15
_READING: Final = (
    "Left: more is better; dotted: ideal scaling. Right: CPU per request times requests per second; filled:"
    " the server's, hollow: the store's, which uses one core at most (grey line). Mark: mean over servers,"
    " with its CI."
)


def draw(result: Result) -> Figure | None:
    """Draw two panels; None if no arm was measured with two numbers of processes."""
    steps_by_arm = {arm: steps for arm in result.arms() if len(steps := scaling.steps(result, arm)) > 1}
    if not steps_by_arm:
        return None
    styles = style.arm_styles(result.arms())
    cpus = scaling.server_cpus(result)
    legend = [*lines.legend(steps_by_arm, styles), *_parts()]
    figure, (left, right) = page.open_page(
        result, _title(result, steps_by_arm), _READING, [_PANEL] * 2, 2, legend
    )
    lines.prepare(left, "scale-out: throughput", _ACROSS, "throughput (req/s)")
    lines.prepare(right, "scale-out: CPU cores used", _ACROSS, "cores")
    every = [step for steps in steps_by_arm.values() for step in steps]
    counts = sorted({step.processes for step in every})
    for panel in (left, right):
        panel.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
        panel.set_xlim(-0.5, len(counts) - 0.5)
    for index, (arm, steps) in enumerate(steps_by_arm.items()):
        shift = _APART * (index - (len(steps_by_arm) - 1) / 2)
        places = [counts.index(step.processes) + shift for step in steps]
        look = styles[arm]
        _series(left, places, [step.throughput for step in steps], look, f"{arm}: {{}} req/s")
        ideal = [step.processes / steps[0].processes * steps[0].throughput.value for step in steps]
        left.plot(places, ideal, ":", color=look.colour, linewidth=1.0, zorder=1)
        _series(right, places, [step.server_cores for step in steps], look, f"{arm}, server: {{}} cores")
        if any(step.store_ops.value for step in steps):
            stores = [step.store_cores for step in steps]
            _series(right, places, stores, look, f"{arm}, store: {{}} cores", hollow=True)
    right.axhline(1, color=style.GREY, linewidth=1.0, zorder=1)
    _from_zero(left, [step.throughput for step in every])
    _from_zero(right, [step.server_cores for step in every], least=1)
    right.set_title(f"{right.get_title(loc='left')} (server CPUs: {cpus})")
    return figure


def _parts() -> list[page.LegendEntry]:
    server = Line2D([], [], color=style.GREY, marker="o")
    store = Line2D([], [], color=style.GREY, marker="o", markerfacecolor="white", linestyle="--")
    return [(server, "cores of the server"), (store, "cores of the store")]


def _series(
    panel: Axes,
    places: Sequence[float],
    values: Sequence[Estimate | Measurement],
    look: style.ArmStyle,
    text: str,
    *,
    hollow: bool = False,
) -> None:
    """Draw marks with their intervals, joined by a line."""
    line, fill = ("--", "white") if hollow else ("-", look.colour)
    panel.plot(places, [row.value for row in values], line, color=look.colour, linewidth=1.4)
    for place, row in zip(places, values, strict=True):
        tooltip = text.format(fmt.with_interval(row.value, row.ci))
        lines.mark(panel, place, row.value, row.ci, look, tooltip, mfc=fill)


def _from_zero(panel: Axes, values: Sequence[Estimate | Measurement], least: float = 0) -> None:
    panel.set_ylim(0, _HEADROOM * max(least, *(style.end(row.value, row.ci) for row in values)))


def _title(result: Result, steps_by_arm: Mapping[str, Sequence[ScalingStep]]) -> str:
    """Return a title with the gain of the most processes over the fewest, if they had several CPUs."""
    cpus = scaling.server_cpus(result)
    first, *_, last = (step.processes for step in next(iter(steps_by_arm.values())))
    if cpus == 1:
        return f"{first} to {last} processes shared one CPU: scaling cannot be measured here"
    confidence = result.run.confidence
    gains = {arm: scaling.gain(steps[0], steps[-1], confidence) for arm, steps in steps_by_arm.items()}
    times = ", ".join(f"{fmt.number(gain.value)} times ({arm})" for arm, gain in gains.items())
    return f"Throughput from {first} to {last} processes on {cpus} CPUs: {times}"
