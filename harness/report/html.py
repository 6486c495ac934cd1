"""Report as one self-contained HTML page: charts, style and script are inline.

Text of a result is never markup (Jinja2 escapes it), and a Content-Security-Policy forbids the page to load
or run anything but its inline style and script.
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

TEMPLATES: Final = Path(__file__).parent / "templates"
#: Beginning of a numeric cell: `12,423 ± 113`, `≥0.20`, `<= 1`, `+2.0 %`.
_NUMBER: Final = re.compile(r"[^\w+-]*([+-]?[\d,]+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w-])")
#: Lines shown below the answer; an unreliable run may give dozens of reasons, and the rest is folded.
_MAX_LINES: Final = 5
_CODE: Final = re.compile("`([^`]+)`")
_VERDICTS: Final = frozenset([*get_args(Verdict), *get_args(GateVerdict)])


def render(report: Report, drawings: Sequence[Drawing] = ()) -> str:
    """Return the page of one run; the same report gives the same text."""
    return page("report.html.j2", report.answer, report=report, drawings=drawings)


def page(template: str, answer: Headline, **values: Any) -> str:
    """Return a page.

    Args:
        template: File in `templates` that extends `page.html.j2`.
        answer: Headline of the page.
        values: Other values of the template.
    """
    style, script = f"{_text('figures.css')}\n{_text('page.css')}", _text("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )
    values |= {"answer": answer, "policy": policy, "style": style, "script": script}
    return _templates().get_template(template).render(values)


def sort_value(cell: str) -> float | None:
    """Return the number that a cell begins with, by which it is sorted; None for words."""
    match = _NUMBER.match(cell)
    return None if match is None else float(match[1].replace(",", ""))


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column holds numbers, which are right-aligned."""
    cells = [row[column] for row in table.rows if row[column] != fmt.NOTHING]
    return column > 0 and bool(cells) and all(sort_value(cell) is not None for cell in cells)


def environment(folder: Path) -> Environment:
    """Return the templates of a folder: values are escaped, and a missing value is an error."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _templates() -> Environment:
    templates = environment(TEMPLATES)
    templates.filters |= {"sort_value": sort_value, "is_numeric": is_numeric, "coded": _coded}
    templates.globals |= {"verdicts": _VERDICTS, "max_lines": _MAX_LINES}
    return templates


def _coded(text: str) -> str:
    """Return text as escaped HTML, with text between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", str(escape(text)))


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
