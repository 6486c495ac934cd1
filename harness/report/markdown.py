"""A report as Markdown, for a pull request or a page that is kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness.report.content.model import Report, Section
from harness.report.content.tables import Table

#: Shown nowhere, and parts what GitHub would make a link of, or a notice to somebody.
_APART: Final = "\N{ZERO WIDTH SPACE}"
#: What Markdown, as GitHub reads it, could take for more than text. Names of arms and suites are anybody's.
#: Stars with space around them, underscores within a word and commands of ours, as code, stay as they are.
_ACTIVE: Final = re.compile(
    r"""
      (?P<own>`bench\.py\ [^`]+`)
    | (?P<entity>[\[$] | <(?=[A-Za-z/!?]) | &(?=\#?\w+;))
    | (?P<escaped>[\\`~] | \*(?!\s) | (?<!\s)\* | (?<![^\W_])_ | _(?![^\W_]))
    | (?P<apart>@(?=\w) | :(?=//) | \#(?=\d) | \bwww(?=\.))
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: What would begin a heading, a quotation, a list, a rule or the underline of a heading.
_BEGINNING: Final = re.compile(r"^(?:#(?=[#\s]|$)|>|=|[-+](?=[\s-])|(\d+)(?=[.)]\s))")


def render(report: Report) -> str:
    """A report as Markdown, ending in a newline."""
    blocks = [
        f"**{plain(report.answer.sentence)}**",
        _items(report.answer.certainty),
        f"## {plain(report.title)}",
        plain(" ".join(report.about)),
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
        f"{'#' * level} {plain(section.title)}",
        *(table(plain_table(one)) for one in section.tables),
        *([_items(section.lines)] if section.lines else []),
    ]


def _validity(report: Report) -> list[str]:
    return ["### Validity", plain(report.passed), *([_items(report.notes)] if report.notes else [])]


def _folded(title: str, blocks: Sequence[str]) -> list[str]:
    """What is shown when it is asked for."""
    return [f"<details><summary>{title}</summary>", *blocks, "</details>"] if blocks else []


def _items(lines: Sequence[str]) -> str:
    return items([plain(line) for line in lines])


def plain(text: str) -> str:
    """Text that is nothing but text on one line, whoever wrote it."""
    line = " ".join(text.split())
    escaped = _ACTIVE.sub(_as_text, line)
    return _BEGINNING.sub(lambda found: f"{found[1]}\\" if found[1] else f"\\{found[0]}", escaped)


def _as_text(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "entity":
            return f"&#{ord(found[0])};"
        case "escaped":
            return f"\\{found[0]}"
        case "apart":
            return found[0] + _APART
        case _:
            return found[0]


def plain_table(one: Table) -> Table:
    """The same, every cell and head of it nothing but text."""
    return replace(
        one, heads=[plain(head) for head in one.heads], rows=[[*map(plain, row)] for row in one.rows]
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
