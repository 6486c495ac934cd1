"""Draw the figures of a run: each module of the folder above that has `draw(result) -> Figure | None`.

A figure is made from a Result alone; None means that it does not apply. Only drawing imports matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    """Draw every figure that applies, as PNG and as SVG.

    The same result gives the same bytes, whatever the user's own matplotlib settings.

    Args:
        result: What was found.
        folder: Where to put the figures; made if missing. Each is there whole or not at all.

    Returns:
        The files written, in the order of their names.

    Raises:
        EnvironmentFailedError: They cannot be written there.
    """
    from harness.report.charts.parts import style
    from harness.report.charts.parts.drawable import drawable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.failure(error, folder) from error
    written: list[Path] = []
    with style.applied():
        for name, draw in figures():
            figure = draw(drawable(result))
            if figure is not None:
                written += style.save(figure, folder / name)
    return written


def inline_all(result: Result) -> list[Drawing]:
    """Every figure that applies, by name, as a page holds it; the same result gives the same text."""
    from harness.report.charts.parts import style, vector
    from harness.report.charts.parts.drawable import drawable

    with style.applied():
        return [
            vector.inline(figure, name, _shows(module))
            for name, module in _modules()
            if hasattr(module, "draw") and (figure := module.draw(drawable(result))) is not None
        ]


@dataclass(frozen=True)
class Picture:
    """A figure of claims: its file, what it shows, and the numbers of the claims that it is about."""

    file: str
    shows: str
    claims: tuple[int, ...]


def draw_claims(answers: Sequence[ClaimAnswer], results: Sequence[Result], folder: Path) -> list[Picture]:
    """Draw every figure that is about a claim, and applies, as PNG and as SVG.

    Those are the modules here with `CLAIMS`; one that is made from the answers, and not from the runs that
    were made for them, has `draw_answers(answers) -> Figure | None`.

    Args:
        answers: What came of the claims.
        results: The runs that were made for them; a figure is drawn of the first that it applies to.
        folder: Where to put the figures; it is there.

    Raises:
        EnvironmentFailedError: They cannot be written there.
    """
    from harness.report.charts.parts import style
    from harness.report.charts.parts.drawable import drawable

    pictures = []
    with style.applied():
        for name, module in _modules():
            figure = None
            if hasattr(module, "draw_answers"):
                figure = module.draw_answers(answers)
            elif hasattr(module, "CLAIMS"):
                drawn = (module.draw(drawable(result)) for result in results)
                figure = next((one for one in drawn if one is not None), None)
            if figure is not None:
                png, _ = style.save(figure, folder / name)
                pictures.append(Picture(png.name, _shows(module), module.CLAIMS))
    return pictures


def figures() -> Iterator[tuple[str, Draw]]:
    """The name and the drawing function of every figure in this folder, by name."""
    for name, module in _modules():
        if hasattr(module, "draw"):
            yield name, module.draw


def _shows(module: ModuleType) -> str:
    """What a figure shows, as its file begins."""
    return (module.__doc__ or "").partition("\n")[0].rstrip(".")


def _modules() -> Iterator[tuple[str, ModuleType]]:
    yield from plugins.modules("harness.report.charts").items()
