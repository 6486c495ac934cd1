"""Figures as pixels: drawn, stored, and held against what was stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import uniform_filter

from harness.report.charts.parts import style

#: Rows of pixels, of red, green and blue from 0 to 1.
Pixels = npt.NDArray[np.float32]

FOLDER: Final = Path(__file__).parent / "images"
#: Half of what reports show: enough to read every label by.
DPI: Final = 80
#: Of red, green and blue each.
_SHADES: Final = 16
#: How far apart two pictures may be. What another rasteriser draws stays below, and whatever goes or changes
#: does not: `test_golden.py` tries both with every picture.
TOLERANCE: Final = 0.12
#: So many pixels across and down are averaged, that edges a little lighter or darker do not count...
_WINDOW: Final = 7
#: ...and so many may anything have moved by.
_SHIFT: Final = 1


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in this project's style, and letters as their outlines are: what hints make of them differs."""
    with style.applied(), mpl.rc_context({"text.hinting": "none"}):
        yield


def path(name: str) -> Path:
    """Where a figure's golden picture lies."""
    return FOLDER / f"{name}.png"


def drawn(figure: Figure) -> Pixels:
    """A figure as it comes out."""
    figure.set_dpi(DPI)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return _pixels(np.asarray(canvas.buffer_rgba()))


def load(file: Path) -> Pixels:
    """A stored picture."""
    with Image.open(file) as image:
        return _pixels(np.asarray(image.convert("RGB")))


def save(pixels: Pixels, file: Path) -> Path:
    """Store a picture with a palette, as small as it gets."""
    image = Image.fromarray(np.round(pixels * 255).astype(np.uint8))
    image.quantize(256).save(file, "PNG", optimize=True)
    return file


def apart(one: Pixels, other: Pixels) -> float:
    """How far apart two pictures are where they are farthest, from 0 to 1; 1 if they differ in size."""
    return 1.0 if one.shape != other.shape else float(differences(one, other).max())


def differences(one: Pixels, other: Pixels) -> npt.NDArray[np.float32]:
    """How far apart two pictures of one size are, pixel by pixel, from 0 to 1.

    A pixel's surroundings are compared with those of the same pixel of the other picture, or of a pixel next
    to it, whichever are nearest; of the colours the one counts that differs most.
    """
    found = np.zeros(one.shape[:2], np.float32)
    differing = np.argwhere((one != other).any(axis=2))
    if not len(differing):
        return found
    # Nothing is to be reckoned beyond the surroundings of what differs.
    (top, left), (bottom, right) = differing.min(axis=0), differing.max(axis=0)
    reach = _WINDOW + _SHIFT
    part = np.s_[max(top - reach, 0) : bottom + reach + 1, max(left - reach, 0) : right + reach + 1]
    found[part] = _nearest(one[part], other[part])
    return found


def told(golden: Pixels, now: Pixels) -> Pixels:
    """Both pictures one above the other and, where they are of one size, in red where they differ."""
    parts = [golden, now]
    if golden.shape == now.shape:
        differs = (differences(golden, now) > TOLERANCE)[:, :, None]
        red = np.array([0.69, 0, 0.13], np.float32)
        parts.append(np.where(differs, red, 1 - (1 - now) / 4).astype(np.float32))
    width = max(part.shape[1] for part in parts)
    rooms = [((0, 4), (0, width - part.shape[1]), (0, 0)) for part in parts]
    return np.concatenate([np.pad(part, room) for part, room in zip(parts, rooms, strict=True)])


def _nearest(one: Pixels, other: Pixels) -> npt.NDArray[np.float32]:
    height, width, _ = one.shape
    around = np.pad(other, ((_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0)), mode="edge")
    nearest = np.ones((height, width), np.float32)
    for down, right in product(range(2 * _SHIFT + 1), repeat=2):
        moved = around[down : down + height, right : right + width]
        mean = uniform_filter(np.abs(one - moved), size=(_WINDOW, _WINDOW, 1), mode="nearest")
        nearest = np.minimum(nearest, mean.max(axis=2))
    return nearest


def _pixels(raw: npt.NDArray[Any]) -> Pixels:
    """Bytes as shades, of which so few are told apart that pictures are small."""
    return (np.round(raw[:, :, :3] / 255 * (_SHADES - 1)) / (_SHADES - 1)).astype(np.float32)
