"""Throughput and CPU cores of servers and store, by number of server processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.stats import scaling
from harness.analysis.stats.estimate import Estimate
from harness.analysis.stats.scaling import ScalingStep
from harness.report.charts.parts import lines, page, style, tooltips
from harness.report.content import format as fmt
from harness.results.base import Interval
from harness.results.model import Result

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
    counts = sorted({step.processes for steps in steps_by_arm.values() for step in steps})
    for panel in (left, right):
        panel.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
        panel.set_xlim(-0.5, len(counts) - 0.5)
    shifts = {arm: _APART * (index - (len(steps_by_arm) - 1) / 2) for index, arm in enumerate(steps_by_arm)}
    for arm, steps in steps_by_arm.items():
        places = [counts.index(step.processes) + shifts[arm] for step in steps]
        look = styles[arm]
        _series(left, places, [_throughput(step) for step in steps], look, f"{arm}: {{}} req/s")
        ideal = [step.processes / steps[0].processes * steps[0].throughput.value for step in steps]
        left.plot(places, ideal, ":", color=look.colour, linewidth=1.0, zorder=1)
        _series(right, places, [step.server_cores for step in steps], look, f"{arm}, server: {{}} cores")
        if any(step.store_ops.value for step in steps):
            stores = [step.store_cores for step in steps]
            _series(right, places, stores, look, f"{arm}, store: {{}} cores", hollow=True)
    right.axhline(1, color=style.GREY, linewidth=1.0, zorder=1)
    _from_zero(left, steps_by_arm, _throughput)
    _from_zero(right, steps_by_arm, lambda step: step.server_cores, least=1)
    right.set_title(f"{right.get_title(loc='left')} (server CPUs: {cpus})")
    return figure


def _parts() -> list[page.LegendEntry]:
    grey = style.GREY
    return [
        (Line2D([], [], color=grey, marker="o"), "cores of the server"),
        (
            Line2D([], [], color=grey, marker="o", markerfacecolor="white", linestyle="--"),
            "cores of the store",
        ),
    ]


def _series(
    panel: Axes,
    places: Sequence[float],
    values: Sequence[Estimate],
    look: style.ArmStyle,
    text: str,
    *,
    hollow: bool = False,
) -> None:
    """Draw marks with their intervals, joined by a line."""
    panel.plot(
        places,
        [estimate.value for estimate in values],
        "--" if hollow else "-",
        color=look.colour,
        linewidth=1.4,
    )
    for place, estimate in zip(places, values, strict=True):
        ci = _interval(estimate)
        drawn = panel.errorbar(
            [place], [estimate.value], yerr=style.reach(estimate.value, ci), fmt=look.marker,
            color=look.colour, markerfacecolor="white" if hollow else look.colour, ms=6, elinewidth=1.2,
            capsize=3, zorder=3,
        )  # fmt: skip
        tooltips.add_tooltips(drawn.lines[0], [text.format(fmt.with_interval(estimate.value, ci))])


def _interval(estimate: Estimate) -> Interval:
    return None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)


def _throughput(step: ScalingStep) -> Estimate:
    row = step.throughput
    return Estimate(row.value, *(row.ci or (None, None)))


def _from_zero(
    panel: Axes,
    steps_by_arm: Mapping[str, Sequence[ScalingStep]],
    value: Callable[[ScalingStep], Estimate],
    least: float = 0,
) -> None:
    ends = [
        style.end(estimate.value, _interval(estimate))
        for steps in steps_by_arm.values()
        for estimate in map(value, steps)
    ]
    panel.set_ylim(0, _HEADROOM * max([*ends, least]))


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
