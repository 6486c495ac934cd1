"""Ratios between schemes, with confidence intervals and the equivalence margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.charts.parts import forest, page
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.metrics import METRICS
from harness.results.model import Comparison, Result

#: Metrics shown in addition to the primary one of a case.
_ALWAYS: Final = ("total_cpu", "service_p50", "throughput")


def draw(result: Result) -> Figure | None:
    """Draw one panel per case; None if nothing was compared."""
    shown = [(case, lines) for case in cases(result) if (lines := _lines(case))]
    if not shown:
        return None
    first = next((case for case, _ in shown if case.primary_metric), shown[0][0])
    title = page.finding([first], first.primary_metric or _ALWAYS[0], "Ratios between schemes")
    heights = [forest.height(len(lines)) for _, lines in shown]
    reading = (
        "Ratio of the first scheme to the second, with its CI. Grey band: equivalence margin of "
        f"{fmt.whole_percent(result.run.margin)}. A verdict is about the first scheme of its pair."
    )
    figure, panels = page.open_page(result, title, reading, heights)
    for panel, (case, lines) in zip(panels, shown, strict=True):
        _panel(panel, case, lines)
    forest.share_axis(panels, result.run.margin)
    return figure


def _lines(case: Case) -> list[Comparison | str]:
    """Return the rows of a panel: a metric's name, then its comparisons; the primary metric first."""
    lines: list[Comparison | str] = []
    for metric in dict.fromkeys([case.primary_metric or _ALWAYS[0], *_ALWAYS]):
        compared = case.comparisons(metric) if metric != "throughput" or case.is_closed_loop else []
        lines += [metric, *compared] if compared else []
    return lines


def _panel(panel: Axes, case: Case, lines: Sequence[Comparison | str]) -> None:
    labels = [_label(case, line) for line in lines]
    heads = [isinstance(line, str) for line in lines]
    forest.prepare(panel, case.title, labels, heads, case.result.run.margin)
    for index, line in enumerate(lines):
        if not isinstance(line, str):
            verdict, text = (line.verdict, "") if case.result.valid else ("not judged", "no verdict")
            forest.judged(panel, index, line.ratio, line.ci, verdict, text)


def _label(case: Case, line: Comparison | str) -> str:
    if not isinstance(line, str):
        return forest.names(line.arm, line.base)
    notes = ["primary"] if line == case.primary_metric else []
    notes += ["larger is better"] if METRICS[line].larger_is_better else []
    return METRICS[line].title + (f" ({', '.join(notes)})" if notes else "")
