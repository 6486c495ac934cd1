"""The figures of a run, one file a figure: a module here that has `draw(result) -> Figure | None`.

A figure is made from a Result alone; None says that it does not apply. Only drawing imports matplotlib.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness import disk
from harness.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    from harness.charts import style
    from harness.charts.drawable import drawable

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk.failure(error, folder) from error
    written: list[Path] = []
    with style.applied():
        for name, draw in figures():
            figure = draw(drawable(result))
            if figure is not None:
                written += style.save(figure, folder / name)
    return written


def figures() -> Iterator[tuple[str, Draw]]:
    """The name and the drawing function of every figure in this folder, by name."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        draw = getattr(importlib.import_module(f"{__name__}.{module.name}"), "draw", None)
        if draw is not None:
            yield module.name, draw
