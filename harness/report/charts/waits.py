"""What users waited for in a browser: how long in each case, and what two cases differ by, with verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.click_latency import CONFIDENCE, MARGIN, Mean, Noise, Pair, Wait
from harness.report.charts.parts import forest, page, rows, style, tooltips
from harness.report.content import format as fmt

_ROW: Final = 0.34
_PANEL: Final = 0.95
#: Of these pairs the title tells; the rest of their name says where the page is.
_TWINS: Final = "token / cookie, "
_READING: Final = (
    "Above: from the click to the answer in the page, which a browser may hold back until the frame after the"
    " click is drawn, and hollow to the arrival of its last byte. Below, of the answer in the page: the first"
    " case over the second, click by click of the same round; a verdict is about the first. Grey band: the"
    " margin of {margin} within which cases count as equivalent. Two servers of one scheme (A/A) differ by"
    " noise alone."
)


def draw_waits(
    waits: Sequence[Wait], pairs: Sequence[Pair], noise: Noise, caption: str, folder: Path
) -> list[Path]:
    """Draw the figure as PNG and SVG into a folder, and name the files written.

    Raises:
        EnvironmentFailedError: They cannot be written there.
    """
    with style.applied():
        return style.save(figure(waits, pairs, noise, caption), folder / "wait")


def figure(waits: Sequence[Wait], pairs: Sequence[Pair], noise: Noise, caption: str) -> Figure:
    """Two panels: cases in ms, and pairs as ratios; these only where there are two batches or more.

    Args:
        waits: Each case.
        pairs: What was compared and judged.
        noise: What two servers of one scheme differ by.
        caption: How it was measured.
    """
    told_of = [(wait, wait.answered_ms) for wait in waits]
    cases = [(wait, mean) for wait, mean in told_of if mean is not None]
    compared = [(one, mean) for one in [*pairs, noise.pair] if (mean := one.answered_ratio) is not None]
    heights = [_PANEL + _ROW * len(cases), *([forest.height(len(compared))] if compared else [])]
    reading = _READING.format(margin=fmt.whole_percent(MARGIN))
    whole, panels = page.open_page_of_several(_title(pairs, noise), reading, caption, heights)
    _cases(panels[0], cases)
    if compared:
        _pairs(panels[1], compared)
    return whole


def _title(pairs: Sequence[Pair], noise: Noise) -> str:
    if noise.suspicious:
        return "Two servers of one scheme differ by more than chance: no comparison here may be believed"
    found = [
        f"{one.asks.removeprefix(_TWINS)} {one.verdict} ({fmt.times(one.answered_ratio.value)})"
        for one in pairs
        if one.asks.startswith(_TWINS) and one.answered_ratio is not None
    ]
    return f"A token instead of a cookie, from click to answer: {', '.join(found)}" if found else "Waits"


def _cases(panel: Axes, cases: Sequence[tuple[Wait, Mean]]) -> None:
    """A row a case, from nothing on."""
    looks = style.arm_styles(list(dict.fromkeys(wait.server for wait, _ in cases)))
    panel.set_title("From click to answer, received (hollow) and in the page")
    panel.set_yticks(range(len(cases)), [_name(wait) for wait, _ in cases])
    panel.set_ylim(len(cases) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0)
    panel.set_xlabel(f"ms ({fmt.whole_percent(CONFIDENCE)} intervals)")
    for index, (wait, mean) in enumerate(cases):
        look, text = looks[wait.server], fmt.with_interval(mean.value, mean.ci)
        rows.whisker(panel, index, mean.value, mean.ci)
        [mark] = panel.plot([mean.value], [index], look.marker, color=look.colour, ms=8, zorder=5)
        tooltips.add_tooltips(mark, [f"{_name(wait)}: {text} ms"])
        rows.value_label(panel, index, style.end(mean.value, mean.ci), text)
        if (early := wait.received_ms) is not None:
            rows.whisker(panel, index, early.value, early.ci)
            [mark] = panel.plot(
                [early.value], [index], look.marker, color=look.colour, mfc="white", ms=8, zorder=5
            )
            tooltips.add_tooltips(
                mark, [f"{_name(wait)}, received: {fmt.with_interval(early.value, early.ci)} ms"]
            )
    rows.from_zero(panel, max(style.end(mean.value, mean.ci) for _, mean in cases))


def _name(wait: Wait) -> str:
    where = wait.origin if wait.preflights == "none" else f"{wait.origin}, preflights {wait.preflights}"
    return f"{wait.server}, {where}"


def _pairs(panel: Axes, compared: Sequence[tuple[Pair, Mean]]) -> None:
    forest.prepare(
        panel, "What two cases differ by", [one.asks for one, _ in compared], [False] * len(compared), MARGIN
    )
    for index, (one, mean) in enumerate(compared):
        forest.judged(panel, index, mean.value, mean.ci, one.verdict)
    forest.share_axis([panel], MARGIN)
