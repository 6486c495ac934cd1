"""A figure as SVG within a page: text as text, no style attribute, no name that another figure has, too.

Colours stay as attributes, which a page's own style sheet outdoes: so that the page's theme is the figure's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from harness.report.charts.parts import tooltips
from harness.report.content.model import Drawing

_SVG: Final = "{http://www.w3.org/2000/svg}"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_TOLD: Final = "told-"
_ON_COLOUR: Final = "on-colour"
#: Hundredths of a point: finer than any screen shows.
_LONG_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE: Final = re.compile(r"url\(#([^)]+)\)")
_NO_TURN: Final = re.compile(r"rotate\(-?0 [^)]*\)")


def inline(figure: Figure, name: str, shows: str) -> Drawing:
    """A figure for a page.

    Args:
        figure: What to draw.
        name: Its file's; begins every id within.
        shows: What it shows, in a sentence.
    """
    texts = _mark(figure)
    with mpl.rc_context({"svg.fonttype": "none"}):
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(drawn := BytesIO(), metadata={"Date": None, "Creator": None})
    root = ET.fromstring(drawn.getvalue())  # noqa: S314 - what was drawn here a moment ago
    says = " ".join(line.get_text() for line in figure.texts)
    return Drawing(name, shows, says, _page_svg(root, name, texts))


def _mark(figure: Figure) -> dict[str, tuple[str, ...]]:
    """Give names to the artists that say something; what each says, by its name."""
    texts = {}
    for number, (artist, said) in enumerate(tooltips.artists_with_tooltips(figure)):
        artist.set_gid(f"{_TOLD}{number}")
        texts[f"{_TOLD}{number}"] = said
    for artist in tooltips.lying_on_colour(figure):
        artist.set_gid(_ON_COLOUR)
    return texts


def _page_svg(root: ET.Element, name: str, texts: Mapping[str, tuple[str, ...]]) -> str:
    for part in [part for part in root if part.tag == f"{_SVG}metadata"]:
        root.remove(part)
    for defs in root.iter(f"{_SVG}defs"):
        for style in defs.findall(f"{_SVG}style"):
            defs.remove(style)
    for element in root.iter():
        _plain_attributes(element)
    for element in list(root.iter(f"{_SVG}g")):
        _say(element, texts.get(element.get("id", ""), ()))
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
    """Style as attributes of its own, references without a namespace, numbers as short as they may be."""
    for pair in element.attrib.pop("style", "").split(";"):
        key, _, value = pair.partition(":")
        if value:
            element.set(key.strip(), value.strip())
    element.attrib.pop("font-family", None)  # the style sheet has a list of them
    if _HREF in element.attrib:
        element.set("href", element.attrib.pop(_HREF))
    if _NO_TURN.fullmatch(element.get("transform", "")):
        del element.attrib["transform"]
    for key, value in element.attrib.items():
        short = _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
        element.set(key, " ".join(short.split()))


def _say(group: ET.Element, said: tuple[str, ...]) -> None:
    """Put titles, which browsers show under the pointer, into the marks of a group, or into it as a whole."""
    marks = list(group.iter(f"{_SVG}use")) if len(said) > 1 else [group]
    if len(marks) == len(said):
        for mark, text in zip(marks, said, strict=True):
            title = ET.Element(f"{_SVG}title")
            title.text = text
            mark.insert(0, title)


def _rename(root: ET.Element, name: str) -> None:
    """Keep the ids that something refers to, each with the figure's name; no other."""
    wanted: dict[str, str] = {}
    for element in root.iter():
        for key, value in element.attrib.items():
            found = _REFERENCE.search(value)
            old = found[1] if found else value[1:] if key == "href" else ""
            if old:
                new = wanted.setdefault(old, f"{name}-{len(wanted)}")
                element.set(key, f"url(#{new})" if found else f"#{new}")
    for element in root.iter():
        old = element.attrib.pop("id", "")
        if old in wanted:
            element.set("id", wanted[old])


def _flatten(element: ET.Element) -> None:
    """Take away groups that say nothing of what is in them."""
    for child in element:
        _flatten(child)
    children: list[ET.Element] = []
    for child in element:
        is_bare = child.tag == f"{_SVG}g" and not child.attrib and child.find(f"{_SVG}title") is None
        children += list(child) if is_bare else [child]
    element[:] = children
