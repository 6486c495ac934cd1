"""Tooltips of the marks of a figure in an HTML page, and texts that are printed on a colour.

Kept beside the figure and not in it: PNG and SVG files do not contain them; `vector.py` adds them for pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary, WeakSet

from matplotlib.artist import Artist
from matplotlib.figure import Figure

_TOOLTIPS: Final[WeakKeyDictionary[Artist, tuple[str, ...]]] = WeakKeyDictionary()
_ON_COLOUR: Final[WeakSet[Artist]] = WeakSet()


def add_tooltips(artist: Artist, texts: Sequence[str]) -> None:
    """Add a tooltip to each mark of an artist: as many texts as it has marks, in their order."""
    _TOOLTIPS[artist] = tuple(texts)


def on_colour(artist: Artist) -> None:
    """Register a text that is printed on a bar and must stay legible there on a dark page, too."""
    _ON_COLOUR.add(artist)


def artists_with_tooltips(figure: Figure) -> list[tuple[Artist, tuple[str, ...]]]:
    """Return the artists of a figure that have tooltips, in drawing order."""
    return [(artist, _TOOLTIPS[artist]) for artist in figure.findobj() if artist in _TOOLTIPS]


def lying_on_colour(figure: Figure) -> list[Artist]:
    """Return the texts of a figure that are printed on a bar."""
    return [artist for artist in figure.findobj() if artist in _ON_COLOUR]
