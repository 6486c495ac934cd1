"""Chart of click-to-response latency in a browser: each case, and ratios of cases with verdicts."""

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
#: The title is about pairs with this prefix; the rest of the name is the origin of the page.
_REFERENCE_PAIR: Final = "token / cookie, "
_READING: Final = (
    "Above: from the click to the response in the page, which a browser may delay until the frame after the"
    " click is drawn; hollow: to the arrival of its last byte. Below: first case over the second, for the"
    " response in the page, paired by click within a round; a verdict is about the first. Grey band:"
    " equivalence margin of {margin}. Two servers of one scheme (A/A) differ by noise alone."
)


def draw_waits(
    waits: Sequence[Wait], pairs: Sequence[Pair], noise: Noise, caption: str, folder: Path
) -> list[Path]:
    """Draw the chart as PNG and SVG into a folder and return the files written.

    Raises:
        EnvironmentFailedError: The files cannot be written.
    """
    with style.applied():
        return style.save(figure(waits, pairs, noise, caption), folder / "wait")


def figure(waits: Sequence[Wait], pairs: Sequence[Pair], noise: Noise, caption: str) -> Figure:
    """Draw two panels: cases in ms, and pairs as ratios, which need two batches or more.

    Args:
        waits: Latency of each case.
        pairs: Comparisons with verdicts.
        noise: Comparison of two servers of one scheme.
        caption: Description of the measurement.
    """
    cases = [(wait, mean) for wait in waits if (mean := wait.answered_ms) is not None]
    compared = [(pair, mean) for pair in [*pairs, noise.pair] if (mean := pair.answered_ratio) is not None]
    heights = [rows.height(len(cases), _ROW), *([forest.height(len(compared))] if compared else [])]
    reading = _READING.format(margin=fmt.whole_percent(MARGIN))
    whole, panels = page.open_page_of_several(_title(pairs, noise), reading, caption, heights)
    _cases(panels[0], cases)
    if compared:
        _pairs(panels[1], compared)
    return whole


def _title(pairs: Sequence[Pair], noise: Noise) -> str:
    if noise.suspicious:
        return "Two servers of one scheme differ by more than chance: comparisons are unreliable"
    verdicts = [
        f"{pair.asks.removeprefix(_REFERENCE_PAIR)} {pair.verdict} ({fmt.times(pair.answered_ratio.value)})"
        for pair in pairs
        if pair.asks.startswith(_REFERENCE_PAIR) and pair.answered_ratio is not None
    ]
    title = "Click-to-response latency"
    return f"{title}, token vs cookie: {', '.join(verdicts)}" if verdicts else title


def _cases(panel: Axes, cases: Sequence[tuple[Wait, Mean]]) -> None:
    """Draw a row per case, from zero."""
    looks = style.arm_styles(list(dict.fromkeys(wait.server for wait, _ in cases)))
    unit = f"ms ({fmt.whole_percent(CONFIDENCE)} CIs)"
    names = [_name(wait) for wait, _ in cases]
    rows.prepare(panel, "Click to response: received (hollow) and in the page", names, unit)
    for index, (wait, answered) in enumerate(cases):
        look = looks[wait.server]
        for mean, what, fill in ((answered, "", look.colour), (wait.received_ms, ", received", "white")):
            if mean is not None:
                rows.whisker(panel, index, mean.value, mean.ci)
                [mark] = panel.plot(
                    [mean.value], [index], look.marker, color=look.colour, mfc=fill, ms=8, zorder=5
                )
                text = f"{names[index]}{what}: {fmt.with_interval(mean.value, mean.ci)} ms"
                tooltips.add_tooltips(mark, [text])
        value = fmt.with_interval(answered.value, answered.ci)
        rows.value_label(panel, index, style.end(answered.value, answered.ci), value)
    rows.from_zero(panel, max(style.end(mean.value, mean.ci) for _, mean in cases))


def _name(wait: Wait) -> str:
    where = wait.origin if wait.preflights == "none" else f"{wait.origin}, preflights {wait.preflights}"
    return f"{wait.server}, {where}"


def _pairs(panel: Axes, compared: Sequence[tuple[Pair, Mean]]) -> None:
    forest.prepare(
        panel, "Ratios between cases", [pair.asks for pair, _ in compared], [False] * len(compared), MARGIN
    )
    for index, (pair, mean) in enumerate(compared):
        forest.judged(panel, index, mean.value, mean.ci, pair.verdict)
    forest.share_axis([panel], MARGIN)
