"""What a short life of tokens costs, and what a long one leaves open: refreshing against stale access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.results.claims import ClaimAnswer
from harness.results.claims import ClaimFigure as Found

#: The claims that it is about.
CLAIMS: Final = (11,)
#: Groups of figures that the claim's answer has, by lifetime in seconds.
COST: Final = "refresh cost"
STALE: Final = "stale access"
#: The figure that refreshing is held against.
DENYLIST: Final = "a denylist adds to a read"
#: How names end of what was lived through; others were reckoned.
_LIVED: Final = ("lived", "seen", "measured")
_PANEL: Final = 3.8
_READING: Final = (
    "Less is better, in both: a shorter life of tokens costs more refreshes (left), a longer one leaves an"
    " ended right open for longer (right). All axes are logarithmic."
)


def draw_answers(answers: Sequence[ClaimAnswer]) -> Figure | None:
    """Two panels; None where the answers do not have both groups."""
    figures = [figure for answer in answers if answer.number in CLAIMS for figure in answer.figures]
    cost, stale = (_group(figures, name) for name in (COST, STALE))
    if not (cost and stale):
        return None
    denylist = next((figure for figure in figures if figure.name == DENYLIST), None)
    figure, (left, right) = page.open_page_of_several(
        _title(cost, denylist), _READING, "From the answer to claim 11 in claims.json.",
        [_PANEL] * 2, 2, [(_mark(_LIVED[0]), "lived through"), (_mark(""), "reckoned")],
    )  # fmt: skip
    _panel(left, cost, "what refreshing adds to a read", f"CPU ({cost[0].unit})")
    _panel(right, stale, "how long an ended right goes on", f"stale access ({stale[0].unit})")
    if denylist is not None:
        _denylist(left, denylist)
    return figure


def _group(figures: Sequence[Found], name: str) -> list[Found]:
    """Those of a group, by lifetime; what is nothing has no place on a logarithmic axis."""
    found = [figure for figure in figures if figure.group == name and figure.x and figure.value > 0]
    return sorted(found, key=lambda figure: figure.x or 0)


def _kind(figure: Found) -> str:
    """What its name ends with, in brackets: how it was come by, such as `modelled`."""
    return figure.name.rpartition("(")[2].rstrip(")")


def _mark(kind: str) -> Line2D:
    return Line2D([], [], color=style.BLUE, marker="o", linestyle="", mfc=_fill(kind))


def _fill(kind: str) -> str:
    """Filled for what was lived through, hollow for what was reckoned."""
    return style.BLUE if kind in _LIVED else "white"


def _title(cost: Sequence[Found], denylist: Found | None) -> str:
    shortest, longest = cost[0], cost[-1]
    told = (
        f"Refreshing adds {fmt.number(shortest.value)} us to a read with tokens of {_seconds(shortest)},"
        f" {fmt.number(longest.value)} us with tokens of {_seconds(longest)}"
    )
    return told if denylist is None else f"{told}; a denylist adds {fmt.number(denylist.value)} us"


def _seconds(figure: Found) -> str:
    return f"{figure.x:,.0f} s"


def _panel(panel: Axes, figures: Sequence[Found], title: str, unit: str) -> None:
    lines.prepare(panel, title, "life of a token (s)", unit)
    panel.set_xscale("log")
    panel.set_yscale("log")
    places = [figure.x or 0.0 for figure in figures]
    panel.plot(places, [figure.value for figure in figures], color=style.BLUE, linewidth=1.2, zorder=2)
    for place, figure in zip(places, figures, strict=True):
        panel.errorbar(
            [place], [figure.value], yerr=style.reach(figure.value, figure.ci), fmt="o", color=style.BLUE,
            mfc=_fill(_kind(figure)), ms=6, elinewidth=1.2, capsize=3, zorder=3,
        )  # fmt: skip
    lines.ticks(panel, sorted(set(places)))
    lines.plain(panel.yaxis)


def _denylist(panel: Axes, figure: Found) -> None:
    low, high = figure.ci or (figure.value, figure.value)
    panel.axhspan(low, high, color=style.PURPLE, alpha=0.25, linewidth=0, zorder=0)
    panel.axhline(figure.value, color=style.PURPLE, linestyle="--", linewidth=1.4)
    panel.annotate(
        "a denylist, asked on every read", (1, figure.value), (-4, 5), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", va="bottom", color=style.BLACK,
    )  # fmt: skip
