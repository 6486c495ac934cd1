"""A report as one page of HTML that needs nothing else: figures, style and script are in it.

Whatever a result says is text and never markup (Jinja2 escapes it), and a policy forbids the page to load
or run anything but what was put into it here.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from harness.report.content import format as fmt
from harness.report.content.answer import Headline
from harness.report.content.model import Drawing, Report
from harness.report.content.tables import Table
from harness.results.base import Verdict
from harness.results.gate import GateVerdict

_TEMPLATES: Final = Path(__file__).parent / "templates"
#: What a cell of figures begins with: `12,423 ± 113`, `≥0.20`, `<= 1`, `+2.0 %`.
_NUMBER: Final = re.compile(r"[^\w+-]*([+-]?[\d,]+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w-])")
#: So many lines stand below an answer; a spoilt hour may give dozens of reasons, and those are folded.
_MOST: Final = 5
_CODE: Final = re.compile("`([^`]+)`")
_VERDICTS: Final = frozenset([*get_args(Verdict), *get_args(GateVerdict)])


def render(report: Report, drawings: Sequence[Drawing] = ()) -> str:
    """The page of one run; the same report gives the same text."""
    return page("report.html.j2", report.answer, report=report, drawings=drawings)


def page(template: str, answer: Headline, **values: Any) -> str:
    """A page of ours.

    Args:
        template: Its file in `templates`, which extends `page.html.j2`.
        answer: What it opens with.
        values: What else the template is about.
    """
    style, script = _text("page.css"), _text("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )
    found = _environment().get_template(template)
    return found.render(answer=answer, policy=policy, style=style, script=script, **values)


def sort_value(cell: str) -> float | None:
    """The number by which a cell is sorted: the one that it begins with; None for words."""
    found = _NUMBER.match(cell)
    return None if found is None else float(found[1].replace(",", ""))


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds figures, which are set to the right."""
    cells = [row[column] for row in table.rows if row[column] != fmt.NOTHING]
    return column > 0 and bool(cells) and all(sort_value(cell) is not None for cell in cells)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"sort_value": sort_value, "is_numeric": is_numeric, "coded": _coded}
    made.globals |= {"verdicts": _VERDICTS, "most": _MOST}
    return made


def _coded(text: str) -> str:
    """Text, escaped, with what stands between backticks as code; to be put into a page as it is."""
    return _CODE.sub(r"<code>\1</code>", str(escape(text)))


def _text(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
