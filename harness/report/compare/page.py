"""Content of the HTML report of a comparison. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.report.compare import wording
from harness.report.compare.compare import Compared
from harness.report.content import format as fmt
from harness.report.content.answer import Headline
from harness.report.content.tables import Section, Table
from harness.report.content.wording import metric_name
from harness.suites.arms import FLOOR


def report(compared: Compared) -> dict[str, Any]:
    """Return the values of the template `compared.html.j2` for these results.

    The answer has the value of each result for the first metric with a verdict, and why a comparison has
    none; the sources are the run of each label, and the software that differs.
    """
    return {
        "title": f"{len(compared.results)} results compared",
        "answer": Headline("open", _sentence(compared), wording.limitations(compared)),
        "sources": [*map(wording.source, compared.results), *wording.software(compared)],
        "cases": [Section(case, list(_tables(compared, case)), []) for case in compared.cases()],
        "only_in": compared.only_in,
    }


def _sentence(compared: Compared) -> str:
    """Return the values of the results for the first metric that has a verdict within a run."""
    lines = [
        line
        for case in compared.cases()
        for times in (False, True)
        for line in compared.shown(case, times=times)
    ]
    line = min(lines, key=lambda row: (FLOOR in (row.arm, row.over), row.over is None, not row.primary))
    figures = "; ".join(f"{wording.value(line, entry)} in {entry.label}" for entry in line.entries)
    return (
        f"No verdict (the runs were not interleaved): {line.name} in {metric_name(line.metric)},"
        f" {line.case}: {figures}."
    )


def _tables(compared: Compared, case: str) -> Iterator[Table]:
    relative = wording.relative(compared)
    for times in (False, True):
        if lines := compared.shown(case, times=times):
            rows = [
                [
                    line.name,
                    wording.metric(line.metric, primary=line.primary, unit=line.over is None),
                    entry.label,
                    wording.value(line, entry),
                    wording.to_base(entry) or fmt.NOTHING,
                ]
                for line in lines
                for entry in line.entries
            ]
            yield Table(wording.TITLES[times], ["scheme", "metric", "result", "measured", relative], rows)
