"""CPU per read and request size, by payload size (profile bytes per user)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from matplotlib.figure import Figure

from harness.analysis.stats import sweeps
from harness.analysis.stats.linear_fit import LinearFit
from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.results.model import Result

#: The claims that this chart is about.
CLAIMS: Final = (2,)
_PANEL: Final = 3.8
_METRICS: Final = {
    "total_cpu": ("CPU per read", "CPU of server and store (µs per request)"),
    "request_bytes": ("request size", "request with headers (bytes)"),
}


def draw(result: Result) -> Figure | None:
    """Draw two panels; None if fewer than two payload sizes were measured."""
    fits = {metric: lines.fits(result, partial(sweeps.by_profile, metric=metric)) for metric in _METRICS}
    if not fits["total_cpu"]:
        return None
    styles = style.arm_styles(list(fits["total_cpu"]))
    legend = lines.legend(fits["total_cpu"], styles)
    longest = {arm: sweeps.longest_profile(result, arm) for arm in fits["total_cpu"]}
    ends = {arm: end for arm, end in longest.items() if end is not None}
    figure, panels = page.open_page(
        result, _title(fits["request_bytes"]), _reading(ends), [_PANEL] * 2, 2, legend
    )
    for panel, (metric, (name, unit)) in zip(panels, _METRICS.items(), strict=True):
        lines.prepare(panel, f"{sweeps.PAYLOAD}: {name}", "payload size (bytes)", unit)
        for arm, line in fits[metric].items():
            lines.through(panel, line, styles[arm], result.run.confidence)
        panel.set_ylim(bottom=0)
        for arm, end in ends.items():
            panel.axvline(end, color=styles[arm].colour, linestyle=":", linewidth=1.6, zorder=1)
        panel.set_xlim(left=0)
    return figure


def _reading(ends: Mapping[str, int]) -> str:
    """Return how to read the chart, with the largest payload of arms that reach the header limit."""
    reading = "Less is better. Mark: mean over server processes, with its CI; line: fit over all sizes."
    if not ends:
        return reading
    limits = ", ".join(f"{arm} {end:,} B" for arm, end in ends.items())
    return f"{reading} Dotted: largest payload that still fits in a request header ({limits})."


def _title(sent: dict[str, LinearFit]) -> str:
    """Return a title with what each byte of payload adds to a request, per arm."""
    # Rounded: the order of a sum leaves a difference from 0 that varies between versions of Python.
    added = [f"{fmt.number(round(lines.slope(line), 9))} B ({arm})" for arm, line in sent.items()]
    if not added:
        return "CPU and request size by payload size"
    return f"Each byte of payload adds to a request: {', '.join(added)}"
