"""Cost of short token lifetimes (refreshes) and risk of long ones (stale access)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.charts.parts import lines, page, style
from harness.report.content import format as fmt
from harness.results.claims import ClaimAnswer, ClaimFigure

#: The claims that this chart is about.
CLAIMS: Final = (11,)
#: Groups of figures in the answer to the claim, over the lifetime in seconds.
COST: Final = "refresh cost"
STALE: Final = "stale access"
#: The figure that refreshing is compared with.
DENYLIST: Final = "a denylist adds to a read"
#: Endings of the names of measured figures; all others are calculated.
_MEASURED: Final = ("lived", "seen", "measured")
_PANEL: Final = 3.8
_LOOK: Final = style.ArmStyle(style.BLUE, "o")
_READING: Final = (
    "Less is better in both: shorter token lifetimes cost more refreshes (left), longer ones leave revoked"
    " access open for longer (right). All axes are logarithmic."
)


def draw_answers(answers: Sequence[ClaimAnswer]) -> Figure | None:
    """Draw two panels; None if the answers do not have both groups."""
    figures = [figure for answer in answers if answer.number in CLAIMS for figure in answer.figures]
    cost, stale = (_group(figures, name) for name in (COST, STALE))
    if not (cost and stale):
        return None
    denylist = next((figure for figure in figures if figure.name == DENYLIST), None)
    figure, (left, right) = page.open_page_of_several(
        _title(cost, denylist), _READING, "From the answer to claim 11 in claims.json.",
        [_PANEL] * 2, 2, [(_mark(_MEASURED[0]), "measured"), (_mark(""), "calculated")],
    )  # fmt: skip
    _panel(left, cost, "refresh overhead per read", f"CPU ({style.unit(cost[0].unit)})")
    _panel(right, stale, "maximum stale access after revocation", f"stale access ({stale[0].unit})")
    if denylist is not None:
        _denylist(left, denylist)
    return figure


def _group(figures: Sequence[ClaimFigure], name: str) -> list[ClaimFigure]:
    """Return the figures of a group by lifetime; zeros have no place on a logarithmic axis."""
    positive = [figure for figure in figures if figure.group == name and figure.x and figure.value > 0]
    return sorted(positive, key=lambda figure: figure.x or 0)


def _kind(figure: ClaimFigure) -> str:
    """Return how a figure was obtained, by the end of its name in brackets: `modelled`."""
    return figure.name.rpartition("(")[2].rstrip(")")


def _mark(kind: str) -> Line2D:
    return Line2D([], [], color=_LOOK.colour, marker=_LOOK.marker, linestyle="", mfc=_fill(kind))


def _fill(kind: str) -> str:
    """Return the fill of a mark: filled for measured figures, hollow for calculated ones."""
    return _LOOK.colour if kind in _MEASURED else "white"


def _title(cost: Sequence[ClaimFigure], denylist: ClaimFigure | None) -> str:
    shortest, longest = cost[0], cost[-1]
    title = (
        f"Refreshing adds {fmt.number(shortest.value)} µs to a read at a token lifetime of"
        f" {_seconds(shortest)}, {fmt.number(longest.value)} µs at {_seconds(longest)}"
    )
    return title if denylist is None else f"{title}; a denylist adds {fmt.number(denylist.value)} µs"


def _seconds(figure: ClaimFigure) -> str:
    return f"{figure.x:,.0f} s"


def _panel(panel: Axes, figures: Sequence[ClaimFigure], title: str, unit: str) -> None:
    lines.prepare(panel, title, "token lifetime (s)", unit)
    places = [figure.x or 0.0 for figure in figures]
    panel.plot(places, [figure.value for figure in figures], color=_LOOK.colour, linewidth=1.2, zorder=2)
    for place, figure in zip(places, figures, strict=True):
        lines.mark(panel, place, figure.value, figure.ci, _LOOK, mfc=_fill(_kind(figure)))
    lines.log_up(panel)
    lines.log_across(panel, places)


def _denylist(panel: Axes, figure: ClaimFigure) -> None:
    low, high = figure.ci or (figure.value, figure.value)
    panel.axhspan(low, high, color=style.PURPLE, alpha=0.25, linewidth=0, zorder=0)
    panel.axhline(figure.value, color=style.PURPLE, linestyle="--", linewidth=1.4)
    panel.annotate(
        "denylist check on each read", (1, figure.value), (-4, 5), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="right", va="bottom", color=style.BLACK,
    )  # fmt: skip
