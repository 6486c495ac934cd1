"""Tooltips of the marks of a figure in an HTML page, and texts that are printed on a colour.

Kept beside the figure and not in it: PNG and SVG files do not contain them; `vector.py` adds them for pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def artists_with_tooltips(figure: Figure) -> Iterator[tuple[Artist, tuple[str, ...]]]:
    """Yield the artists of a figure that have tooltips, in drawing order."""
    for artist in figure.findobj():
        if artist in _TOOLTIPS:
            yield artist, _TOOLTIPS[artist]


def lying_on_colour(figure: Figure) -> Iterator[Artist]:
    """Yield the texts of a figure that are printed on a bar."""
    for artist in figure.findobj():
        if artist in _ON_COLOUR:
            yield artist
