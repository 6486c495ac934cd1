"""Draws the charts of a run: each module of the folder above with `draw(result) -> Figure | None`.

A chart is made from a Result alone; None means that it does not apply. Only drawing imports matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from harness.report.content.model import Drawing
from harness.results.model import Result
from harness.system import files, plugins

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from harness.results.claims import ClaimAnswer

    Draw = Callable[[Result], Figure | None]


def draw_all(result: Result, folder: Path) -> list[Path]:
    """Draw each chart that applies, as PNG and as SVG.

    The same result gives the same bytes, whatever the user's matplotlib settings are.

    Args:
        result: Result of the run.
        folder: Folder for the charts; created if missing. Files are written atomically.

    Returns:
        The files written, ordered by name.

    Raises:
        EnvironmentFailedError: The files cannot be written.
    """
    from harness.report.charts.parts import style

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.failure(error, folder) from error
    with style.applied():
        return [path for name, _, figure in _drawn(result) for path in style.save(figure, folder / name)]


def inline_all(result: Result) -> list[Drawing]:
    """Return each chart that applies as inline SVG, by name; the same result gives the same text."""
    from harness.report.charts.parts import style, vector

    with style.applied():
        return [vector.inline(figure, name, shows) for name, shows, figure in _drawn(result)]


def _drawn(result: Result) -> Iterator[tuple[str, str, Figure]]:
    """Yield the name, the caption and the figure of each chart that applies."""
    from harness.report.charts.parts.drawable import drawable

    for name, module in _modules():
        if hasattr(module, "draw") and (figure := module.draw(drawable(result))) is not None:
            yield name, _shows(module), figure


@dataclass(frozen=True)
class Picture:
    """Chart of claims: its file, its caption, and the numbers of the claims that it is about."""

    file: str
    shows: str
    claims: tuple[int, ...]


def draw_claims(answers: Sequence[ClaimAnswer], results: Sequence[Result], folder: Path) -> list[Picture]:
    """Draw each chart that is about a claim and applies, as PNG and as SVG.

    These are the modules with `CLAIMS`. A module that draws the answers instead of the runs has
    `draw_answers(answers) -> Figure | None`.

    Args:
        answers: Answers to the claims.
        results: Runs made for the claims; a chart shows the first run that it applies to.
        folder: Existing folder for the charts.

    Raises:
        EnvironmentFailedError: The files cannot be written.
    """
    from harness.report.charts.parts import style
    from harness.report.charts.parts.drawable import drawable

    pictures = []
    with style.applied():
        for name, module in _modules():
            if not hasattr(module, "CLAIMS"):
                continue
            drawn: Iterable[Figure | None] = (module.draw(drawable(result)) for result in results)
            if hasattr(module, "draw_answers"):
                drawn = [module.draw_answers(answers)]
            if (figure := next(filter(None, drawn), None)) is not None:
                png, _ = style.save(figure, folder / name)
                pictures.append(Picture(png.name, _shows(module), module.CLAIMS))
    return pictures


def figures() -> Iterator[tuple[str, Draw]]:
    """Yield the name and the drawing function of each chart, ordered by name."""
    for name, module in _modules():
        if hasattr(module, "draw"):
            yield name, module.draw


def _shows(module: ModuleType) -> str:
    """Return the caption of a chart: the first line of its module."""
    return (module.__doc__ or "").partition("\n")[0].rstrip(".")


def _modules() -> Iterator[tuple[str, ModuleType]]:
    yield from plugins.modules("harness.report.charts").items()
