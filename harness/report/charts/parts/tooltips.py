"""What marks of a figure say under the pointer, where it stands in a page, and text that lies on a colour.

Kept beside the figure, not in it: neither PNG nor SVG files know of it
(`harness/report/charts/parts/vector.py` does).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from weakref import WeakKeyDictionary, WeakSet

from matplotlib.artist import Artist
from matplotlib.figure import Figure

_TOLD: Final[WeakKeyDictionary[Artist, tuple[str, ...]]] = WeakKeyDictionary()
_ON_COLOUR: Final[WeakSet[Artist]] = WeakSet()


def add_tooltips(artist: Artist, texts: Sequence[str]) -> None:
    """Have each mark of an artist say something: as many texts as it has marks, in their order."""
    _TOLD[artist] = tuple(texts)


def on_colour(artist: Artist) -> None:
    """Note that a text lies on a bar, whose colour it must be read on in a dark page, too."""
    _ON_COLOUR.add(artist)


def artists_with_tooltips(figure: Figure) -> Iterator[tuple[Artist, tuple[str, ...]]]:
    """The artists of a figure that say something, in the order in which they are drawn into it."""
    for artist in figure.findobj():
        if artist in _TOLD:
            yield artist, _TOLD[artist]


def lying_on_colour(figure: Figure) -> Iterator[Artist]:
    """The texts of a figure that lie on a bar."""
    for artist in figure.findobj():
        if artist in _ON_COLOUR:
            yield artist
