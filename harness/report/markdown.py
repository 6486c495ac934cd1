"""The summary of a run as Markdown: what the console shows, for a page that is kept."""

from __future__ import annotations

from harness.report import incidents, setting, validity, wording
from harness.report.case import Case, cases
from harness.report.tables import Table, tables
from harness.result import Result


def render(result: Result) -> str:
    """The summary of a run as Markdown, ending in a newline."""
    blocks = [
        *([] if result.valid else _invalid(result)),
        f"## Run {result.run.id}, suite {result.run.suite}",
        " ".join([*setting.describe(result), *setting.findings(result)]),
        *(block for case in cases(result) for block in _case(case)),
        *(block for together in incidents.incidents(result) for block in _incident(together)),
        *_checks(result),
    ]
    return "\n\n".join(blocks) + "\n"


def _invalid(result: Result) -> list[str]:
    return [
        "**INVALID: do not believe the figures below.**",
        items([validity.told(check) for check in validity.checks(result, "invalid")]),
    ]


def _case(case: Case) -> list[str]:
    arrivals = wording.arrivals(case)
    lines = [*wording.sentences(case), *([arrivals] if arrivals else [])]
    return [f"### {case.title}", *map(table, tables(case)), *([items(lines)] if lines else [])]


def _incident(together: incidents.Together) -> list[str]:
    lines = items(incidents.sentences(together))
    return [f"### {together.title}", *map(table, incidents.tables(together)), lines]


def _checks(result: Result) -> list[str]:
    notes = validity.notes(result)
    return ["### Validity", validity.passed(result), *([items(notes)] if notes else [])]


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
