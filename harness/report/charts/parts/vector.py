"""Figures as inline SVG for HTML pages: text as text, no style attributes, unique ids.

Colours stay attributes, which the page's style sheet overrides, so that the page's theme applies to them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.figure import Figure

from harness.report.charts.parts import style, tooltips
from harness.report.content.model import Drawing

_SVG: Final = "{http://www.w3.org/2000/svg}"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_TOOLTIP: Final = "tooltip-"
_ON_COLOUR: Final = "on-colour"
#: Numbers with more than hundredths of a point, which no screen shows.
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
#: Control characters, which a name may have and XML may not.
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NO_TURN: Final = re.compile(r"rotate\(-?0 [^)]*\)")


def inline(figure: Figure, name: str, shows: str) -> Drawing:
    """Return a figure for an HTML page.

    Args:
        figure: Figure to draw.
        name: Name of its file, and prefix of all ids in it.
        shows: Caption.
    """
    texts = _mark(figure)
    with mpl.rc_context({"svg.fonttype": "none"}):
        drawn = style.as_svg(figure, "Format", "Type")
    root = ET.fromstring(_CONTROL.sub(b"?", drawn))  # noqa: S314 - drawn by the line above
    description = " ".join(line.get_text() for line in figure.texts)
    return Drawing(name, shows, description, _page_svg(root, name, texts))


def _mark(figure: Figure) -> dict[str, tuple[str, ...]]:
    """Set the ids of artists with tooltips, and return the texts of each by its id."""
    texts = {}
    for number, (artist, texts_of_artist) in enumerate(tooltips.artists_with_tooltips(figure)):
        artist.set_gid(f"{_TOOLTIP}{number}")
        texts[f"{_TOOLTIP}{number}"] = texts_of_artist
    for artist in tooltips.lying_on_colour(figure):
        artist.set_gid(_ON_COLOUR)
    return texts


def _page_svg(root: ET.Element, name: str, texts: Mapping[str, tuple[str, ...]]) -> str:
    for defs in root.iter(f"{_SVG}defs"):
        for sheet in defs.findall(f"{_SVG}style"):
            defs.remove(sheet)
    for element in root.iter():
        _plain_attributes(element)
    for element in list(root.iter(f"{_SVG}g")):
        _add_titles(element, texts.get(element.get("id", ""), ()))
        if element.get("id") == _ON_COLOUR:
            element.set("class", _ON_COLOUR)
    _rename(root, name)
    _flatten(root)
    box = root.get("viewBox", "")
    root.attrib.clear()
    names = {"aria-labelledby": f"{name}-shows", "aria-describedby": f"{name}-says"}
    root.attrib.update({"viewBox": box, "role": "img", **names})
    ET.register_namespace("", _SVG.strip("{}"))
    text = ET.tostring(root, encoding="unicode")
    return re.sub(r">\s+<", "><", text.replace(f' xmlns="{_SVG.strip("{}")}"', ""))


def _plain_attributes(element: ET.Element) -> None:
    """Turn styles into attributes, remove namespaces from references, and shorten numbers."""
    for pair in element.attrib.pop("style", "").split(";"):
        key, _, value = pair.partition(":")
        if value:
            element.set(key.strip(), value.strip())
    element.attrib.pop("font-family", None)  # set by the style sheet
    if _HREF in element.attrib:
        element.set("href", element.attrib.pop(_HREF))
    if _NO_TURN.fullmatch(element.get("transform", "")):
        del element.attrib["transform"]
    for key, value in element.attrib.items():
        short = _LONG_NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)
        element.set(key, " ".join(short.split()))


def _add_titles(group: ET.Element, texts: tuple[str, ...]) -> None:
    """Add titles, which browsers show as tooltips, to the marks of a group, or to the group as a whole."""
    marks = list(group.iter(f"{_SVG}use")) if len(texts) > 1 else [group]
    if len(marks) == len(texts):
        for mark, text in zip(marks, texts, strict=True):
            title = ET.Element(f"{_SVG}title")
            title.text = text
            mark.insert(0, title)


def _rename(root: ET.Element, name: str) -> None:
    """Keep only the ids that are referred to, and prefix them with the figure's name."""
    new_ids: dict[str, str] = {}
    for element in root.iter():
        for key, value in element.attrib.items():
            match = _REFERENCE.search(value)
            old = match[1] if match else value[1:] if key == "href" else ""
            if old:
                new = new_ids.setdefault(old, f"{name}-{len(new_ids)}")
                element.set(key, f"url(#{new})" if match else f"#{new}")
    for element in root.iter():
        old = element.attrib.pop("id", "")
        if old in new_ids:
            element.set("id", new_ids[old])


def _flatten(element: ET.Element) -> None:
    """Replace groups without attributes and titles by their children."""
    for child in element:
        _flatten(child)
    children: list[ET.Element] = []
    for child in element:
        is_bare = child.tag == f"{_SVG}g" and not child.attrib and child.find(f"{_SVG}title") is None
        children += list(child) if is_bare else [child]
    element[:] = children
