"""Report as Markdown, for a pull request or a page that is kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness.report.content.model import Report
from harness.report.content.tables import Section, Table

#: Invisible; inserted where GitHub would otherwise make a link or notify a user.
_SEPARATOR: Final = "\N{ZERO WIDTH SPACE}"
#: What GitHub's Markdown could take for markup: names of schemes and suites are untrusted text.
#: Asterisks with space around them, underscores within a word and `bench.py` commands as code are kept.
_ACTIVE: Final = re.compile(
    r"""
      (?P<command>`bench\.py\ [^`]+`)
    | (?P<entity>[\[$] | <(?=[A-Za-z/!?]) | &(?=\#?\w+;))
    | (?P<escaped>[\\`~] | \*(?!\s) | (?<!\s)\* | (?<![^\W_])_ | _(?![^\W_]))
    | (?P<separated>@(?=\w) | :(?=//) | \#(?=\d) | \bwww(?=\.))
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: What would begin a heading, a quotation, a list, a rule or the underline of a heading.
_BEGINNING: Final = re.compile(r"^(?:#(?=[#\s]|$)|>|=|[-+](?=[\s-])|(\d+)(?=[.)]\s))")


def render(report: Report) -> str:
    """Return a report as Markdown, ending in a newline."""
    blocks = [
        f"**{plain(report.answer.sentence)}**",
        _items(report.answer.certainty),
        f"## {plain(report.title)}",
        plain(" ".join(report.about)),
        *(section(content, 3) for content in (*report.gate, *report.cases, *report.incidents)),
        *("### Validity", plain(report.passed)),
        *([_items(report.notes)] if report.notes else []),
        *_folded("CPU breakdown", [section(content, 4) for content in report.costs]),
        *_folded("How it was measured", [_items(report.method)]),
    ]
    return page(blocks)


def page(blocks: Sequence[str]) -> str:
    """Return blocks as a page, ending in a newline."""
    return "\n\n".join(blocks) + "\n"


def section(content: Section, level: int) -> str:
    """Return a section with a heading of this level; its text is untrusted."""
    return "\n\n".join(
        [
            f"{'#' * level} {plain(content.title)}",
            *(table(_plain_table(content)) for content in content.tables),
            *([_items(content.lines)] if content.lines else []),
        ]
    )


def _folded(title: str, blocks: Sequence[str]) -> list[str]:
    """Return blocks that are folded until the reader opens them."""
    return [f"<details><summary>{title}</summary>", *blocks, "</details>"] if blocks else []


def _items(lines: Sequence[str]) -> str:
    return items([plain(line) for line in lines])


def plain(text: str) -> str:
    """Return untrusted text on one line, escaped so that Markdown shows it as plain text."""
    line = " ".join(text.split())
    escaped = _ACTIVE.sub(_as_text, line)
    return _BEGINNING.sub(lambda match: f"{match[1]}\\" if match[1] else f"\\{match[0]}", escaped)


def _as_text(markup: re.Match[str]) -> str:
    match markup.lastgroup:
        case "entity":
            return f"&#{ord(markup[0])};"
        case "escaped":
            return f"\\{markup[0]}"
        case "separated":
            return markup[0] + _SEPARATOR
        case _:
            return markup[0]


def _plain_table(content: Table) -> Table:
    return replace(
        content,
        heads=[plain(head) for head in content.heads],
        rows=[[*map(plain, row)] for row in content.rows],
    )


def items(lines: list[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {line}" for line in lines)


def table(content: Table) -> str:
    """Return a table; each of its heads on one line."""
    heads = [head.replace("\n", " ") for head in content.heads]
    alignment = ["---", *["---:"] * (len(content.heads) - 1)]
    return "\n".join(_row(cells) for cells in [heads, alignment, *content.rows])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
