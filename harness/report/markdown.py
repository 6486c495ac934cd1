"""A report as Markdown, for a pull request or a page that is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness.report.model import Report, Section
from harness.report.tables import Table

#: What could begin an HTML tag, an image or a link: names of arms and suites are anybody's.
_ACTIVE: Final = re.compile(r"<(?=[A-Za-z/!?])|\[")


def render(report: Report) -> str:
    """A report as Markdown, ending in a newline."""
    blocks = [
        f"**{_plain(report.answer.sentence)}**",
        _items(report.answer.certainty),
        f"## {_plain(report.title)}",
        _plain(" ".join(report.about)),
        *(
            block
            for section in (*report.gate, *report.cases, *report.incidents)
            for block in _section(section)
        ),
        *_validity(report),
        *_folded("Who spends the CPU time", [block for one in report.costs for block in _section(one, 4)]),
        *_folded("How it was measured", [_items(report.method)]),
    ]
    return "\n\n".join(blocks) + "\n"


def _section(section: Section, level: int = 3) -> list[str]:
    return [
        f"{'#' * level} {_plain(section.title)}",
        *(table(_plain_table(one)) for one in section.tables),
        *([_items(section.lines)] if section.lines else []),
    ]


def _validity(report: Report) -> list[str]:
    return ["### Validity", report.passed, *([_items(report.notes)] if report.notes else [])]


def _folded(title: str, blocks: Sequence[str]) -> list[str]:
    """What is shown when it is asked for."""
    return [f"<details><summary>{title}</summary>", *blocks, "</details>"] if blocks else []


def _items(lines: Sequence[str]) -> str:
    return items([_plain(line) for line in lines])


def _plain(text: str) -> str:
    """Text that is nothing but text, whoever wrote it."""
    return _ACTIVE.sub(lambda found: "&lt;" if found[0] == "<" else "&#91;", text)


def _plain_table(one: Table) -> Table:
    return replace(
        one,
        heads=[_plain(head) for head in one.heads],
        rows=[[_plain(cell) for cell in row] for row in one.rows],
    )


def items(lines: list[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def table(rows: Table) -> str:
    """A table; its heads in one line each."""
    heads = [head.replace("\n", " ") for head in rows.heads]
    alignment = ["---", *["---:"] * (len(rows.heads) - 1)]
    return "\n".join(_row(cells) for cells in [heads, alignment, *rows.rows])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
