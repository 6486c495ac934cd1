"""Content of the HTML report of a comparison. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.report.compare import wording
from harness.report.compare.compare import Compared, ComparedRow
from harness.report.content import format as fmt
from harness.report.content.answer import Headline
from harness.report.content.model import Section
from harness.report.content.tables import Table
from harness.results.metrics import METRICS
from harness.suites.arms import FLOOR


@dataclass(frozen=True)
class SideBySide:
    """Content of the HTML report of several results.

    Attributes:
        title: Title of the page.
        answer: Value of each result for the first metric with a verdict, and why a comparison has no verdict.
        sources: Run of each label, and the software that differs.
        cases: Tables of each scenario under one load that at least two results measured.
        only_in: What not all results have.
    """

    title: str
    answer: Headline
    sources: list[str]
    cases: list[Section]
    only_in: list[str]


def report(compared: Compared) -> SideBySide:
    """Return the content of the HTML report of these results."""
    differ = (wording.software(source, compared.base) for source in compared.compared[1:])
    sources = [wording.source(source) for source in compared.results]
    return SideBySide(
        title=f"{len(compared.results)} results compared",
        answer=Headline("open", _sentence(compared), wording.limitations(compared)),
        sources=[*sources, *(text for text in differ if text is not None)],
        cases=[Section(case, list(_tables(compared, case)), []) for case in compared.cases()],
        only_in=compared.only_in,
    )


def _sentence(compared: Compared) -> str:
    """Return the values of the results for the first metric that has a verdict within a run."""
    lines = [
        line
        for case in compared.cases()
        for times in (False, True)
        for line in compared.shown(case, times=times)
    ]
    line = min(lines, key=lambda row: (FLOOR in (row.arm, row.over), row.over is None, not row.primary))
    figures = "; ".join(f"{_value(line, index)} in {entry.label}" for index, entry in enumerate(line.entries))
    title = METRICS[line.metric].title
    return (
        f"No verdict (the runs were not interleaved): {_name(line)} in {title[0].lower()}{title[1:]},"
        f" {line.case}: {figures}."
    )


def _tables(compared: Compared, case: str) -> Iterator[Table]:
    relative = wording.relative(compared)
    for times, title in ((False, "Ratios between schemes"), (True, "Times and rates")):
        if lines := compared.shown(case, times=times):
            yield Table(title, ["scheme", "metric", "result", "measured", relative], _rows(lines))


def _rows(lines: Sequence[ComparedRow]) -> list[list[str]]:
    return [
        [
            _name(line),
            wording.metric(line.metric, primary=line.primary, unit=line.over is None),
            entry.label,
            _value(line, index),
            wording.to_base(entry) or fmt.NOTHING,
        ]
        for line in lines
        for index, entry in enumerate(line.entries)
    ]


def _name(line: ComparedRow) -> str:
    return line.arm if line.over is None else f"{line.arm} / {line.over}"


def _value(line: ComparedRow, index: int) -> str:
    return wording.value(line, line.entries[index])
