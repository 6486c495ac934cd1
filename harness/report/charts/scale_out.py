"""Throughput over the number of server processes, and how many cores servers and store take for it."""

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
from harness.results.model import Result

#: The claims that it is about.
CLAIMS: Final = (2, 18)
_PANEL: Final = 4.0
_ACROSS: Final = "server processes behind one port"
#: Marks of arms stand side by side, from first to last this share of a step apart.
_APART: Final = 0.12
_HEADROOM: Final = 1.15
_READING: Final = (
    "Left: more is better; dotted: as many times the first as there are processes. Right: CPU a request times"
    " requests a second; filled: the server's, hollow: the store's, which has one core at most (grey line)."
    " Mark: mean over servers, with its interval."
)


def draw(result: Result) -> Figure | None:
    """Two panels; None where no arm was measured with two numbers of processes."""
    found = {arm: steps for arm in result.arms() if len(steps := scaling.steps(result, arm)) > 1}
    if not found:
        return None
    styles = style.arm_styles(result.arms())
    cpus = scaling.server_cpus(result)
    legend = [*lines.legend(found, styles), *_parts()]
    figure, (left, right) = page.open_page(result, _title(result, found), _READING, [_PANEL] * 2, 2, legend)
    lines.prepare(left, "scale-out: throughput", _ACROSS, "throughput (req/s)")
    lines.prepare(right, "scale-out: CPUs kept busy", _ACROSS, "cores")
    counts = sorted({step.processes for steps in found.values() for step in steps})
    for panel in (left, right):
        panel.set_xticks(range(len(counts)), [f"{count:,}" for count in counts])
        panel.set_xlim(-0.5, len(counts) - 0.5)
    shifts = {arm: _APART * (index - (len(found) - 1) / 2) for index, arm in enumerate(found)}
    for arm, steps in found.items():
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
    _from_zero(left, found, _throughput)
    _from_zero(right, found, lambda step: step.server_cores, least=1)
    right.set_title(f"{right.get_title(loc='left')} (servers had {cpus})")
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
    """Marks with their intervals, joined."""
    panel.plot(
        places, [one.value for one in values], "--" if hollow else "-", color=look.colour, linewidth=1.4
    )
    for place, one in zip(places, values, strict=True):
        ci = None if one.low is None or one.high is None else (one.low, one.high)
        drawn = panel.errorbar(
            [place], [one.value], yerr=style.reach(one.value, ci), fmt=look.marker, color=look.colour,
            markerfacecolor="white" if hollow else look.colour, ms=6, elinewidth=1.2, capsize=3, zorder=3,
        )  # fmt: skip
        tooltips.add_tooltips(drawn.lines[0], [text.format(fmt.with_interval(one.value, ci))])


def _throughput(step: ScalingStep) -> Estimate:
    row = step.throughput
    return Estimate(row.value, *(row.ci or (None, None)))


def _from_zero(
    panel: Axes,
    found: Mapping[str, Sequence[ScalingStep]],
    value: Callable[[ScalingStep], Estimate],
    least: float = 0,
) -> None:
    ends = [
        style.end(one.value, None if one.low is None or one.high is None else (one.low, one.high))
        for steps in found.values()
        for one in map(value, steps)
    ]
    panel.set_ylim(0, _HEADROOM * max([*ends, least]))


def _title(result: Result, found: Mapping[str, Sequence[ScalingStep]]) -> str:
    """What the most processes gain over the fewest, as far as there were CPUs for them."""
    cpus = scaling.server_cpus(result)
    first, *_, last = (step.processes for step in next(iter(found.values())))
    if cpus == 1:
        return (
            f"{first} to {last} processes on one CPU: what they share it for, not what more CPUs would give"
        )
    gains = {arm: scaling.gain(steps[0], steps[-1], result.run.confidence) for arm, steps in found.items()}
    times = ", ".join(f"{fmt.number(one.value)} ({arm})" for arm, one in gains.items())
    return f"{last} processes on {cpus} CPUs answer so many times what {first} does: {times}"
