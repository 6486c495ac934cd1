"""What long profiles cost: CPU of a read, and what a client sends, by the profile's length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from matplotlib.figure import Figure

from harness.analysis.stats import sweeps
from harness.analysis.stats.linear_fit import LinearFit
from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.results.model import Result

#: The claims that it is about.
CLAIMS: Final = (2,)
_PANEL: Final = 3.8
_METRICS: Final = ("total_cpu", "request_bytes")
_NAMES: Final = {
    "total_cpu": ("CPU of a read", "CPU of servers and store (us/req)"),
    "request_bytes": ("what a client sends", "request, headers included (bytes)"),
}


def draw(result: Result) -> Figure | None:
    """Two panels; None where fewer than two lengths were measured."""
    found = {metric: _lines(result, metric) for metric in _METRICS}
    if not found["total_cpu"]:
        return None
    styles = style.arm_styles(list(found["total_cpu"]))
    legend = lines.legend(found["total_cpu"], styles)
    longest = {arm: sweeps.longest_profile(result, arm) for arm in found["total_cpu"]}
    ends = {arm: end for arm, end in longest.items() if end is not None}
    figure, panels = page.open_page(
        result, _title(found["request_bytes"]), _reading(ends), [_PANEL] * 2, 2, legend
    )
    for panel, metric in zip(panels, _METRICS, strict=True):
        name, unit = _NAMES[metric]
        lines.prepare(panel, f"{sweeps.PAYLOAD}: {name}", "length of the profile (bytes)", unit)
        for arm, line in found[metric].items():
            lines.through(panel, line, styles[arm], result.run.confidence)
        panel.set_ylim(bottom=0)
        for arm, end in ends.items():
            panel.axvline(end, color=styles[arm].colour, linestyle=":", linewidth=1.6, zorder=1)
        panel.set_xlim(left=0)
    return figure


def _reading(ends: Mapping[str, int]) -> str:
    """How to read it; of arms whose credential grows too long for a header field, where that is."""
    reading = (
        "Less is better. Mark: mean over instances, with its interval; line: fitted through all lengths."
    )
    if not ends:
        return reading
    told = ", ".join(f"{arm} {end:,} B" for arm, end in ends.items())
    return f"{reading} Dotted: the longest profile that a server still reads in a header ({told})."


def _lines(result: Result, metric: str) -> dict[str, LinearFit]:
    return {
        arm: line for arm in result.arms() if (line := sweeps.by_profile(result, arm, metric)) is not None
    }


def _title(sent: dict[str, LinearFit]) -> str:
    """Who sends how much more for each byte of the profile."""
    rises = {arm: sum(slopes := line.slopes()) / len(slopes) for arm, line in sent.items()}
    if not rises:
        return "What long profiles cost"
    # Rounded: what is left of 0 by the order of a sum differs between versions of Python.
    told = [f"{fmt.number(round(rise, 9))} B ({arm})" for arm, rise in rises.items()]
    return f"Each byte of profile lengthens a request by {', '.join(told)}"
