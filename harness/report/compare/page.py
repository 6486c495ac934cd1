"""Several results side by side, as a page has them. Pure."""

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
    """What a page says of several results.

    Attributes:
        title: Which they are.
        answer: How what was judged differs between them, and why that is no verdict.
        sources: Which run each label stands for, and what of its software differs.
        cases: The tables of every scenario under one load that two of them measured.
        only_in: What not all have.
    """

    title: str
    answer: Headline
    sources: list[str]
    cases: list[Section]
    only_in: list[str]


def report(compared: Compared) -> SideBySide:
    """What a page says of these results."""
    differ = (wording.software(one, compared.base) for one in compared.compared[1:])
    sources = [wording.source(one) for one in compared.results]
    return SideBySide(
        title=f"{len(compared.results)} results side by side",
        answer=Headline("open", _sentence(compared), wording.standing(compared)),
        sources=[*sources, *(text for text in differ if text is not None)],
        cases=[Section(case, list(_tables(compared, case)), []) for case in compared.cases()],
        only_in=compared.only_in,
    )


def _sentence(compared: Compared) -> str:
    """The first figure that is judged within a run, result by result."""
    lines = [
        line
        for case in compared.cases()
        for times in (False, True)
        for line in compared.shown(case, times=times)
    ]
    line = min(lines, key=lambda one: (FLOOR in (one.arm, one.over), one.over is None, not one.primary))
    figures = "; ".join(f"{_value(line, index)} in {entry.label}" for index, entry in enumerate(line.entries))
    title = METRICS[line.metric].title
    return (
        f"No verdict, side by side: {_name(line)} in {title[0].lower()}{title[1:]}, {line.case}: {figures}."
    )


def _tables(compared: Compared, case: str) -> Iterator[Table]:
    of_base = f"of {compared.base.label} ({fmt.whole_percent(compared.confidence)} interval)"
    for times, title in ((False, "Ratios between arms"), (True, "Times and rates")):
        if lines := compared.shown(case, times=times):
            yield Table(title, ["what", "metric", "result", "measured", of_base], _rows(lines))


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
