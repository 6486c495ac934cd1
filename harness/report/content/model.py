"""What a report says of a run, before it is text on a console, Markdown or a page. Pure.

The three are made from this alone, so that they cannot tell different stories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.content import attribution, incidents, validity, wording
from harness.report.content import environment as setting
from harness.report.content import format as fmt
from harness.report.content import gate as summary
from harness.report.content.answer import Headline, answer
from harness.report.content.case import Case, cases
from harness.report.content.tables import Table, tables
from harness.results.metrics import METRICS
from harness.results.model import Check, Comparison, Result


@dataclass(frozen=True)
class Section:
    """A heading with tables, and sentences below them."""

    title: str
    tables: list[Table]
    lines: list[str]


@dataclass(frozen=True)
class Drawing:
    """A figure that stands in a page.

    Attributes:
        name: Its file's.
        shows: What it shows, in a sentence.
        says: The words in it: what was found, how to read it, how it came about.
        svg: To be put into the page as it is; named by the elements of the ids `NAME-shows` and `NAME-says`.
    """

    name: str
    shows: str
    says: str
    svg: str


@dataclass(frozen=True)
class Report:
    """A report of one run.

    Attributes:
        run: The run's id.
        suite: The name of its suite.
        started_at: ISO 8601, UTC.
        answer: The answer and its certainty; of an invalid run, that it is, and why.
        about: How the run was made, in few lines: machine, design, what may blur it.
        gate: What `bench.py check` asked; empty for other runs.
        cases: A scenario under one load each.
        incidents: What all arms lived through.
        judged: The comparisons that have a verdict.
        described: All other comparisons.
        costs: Who spends the CPU time.
        passed: How many validity checks passed.
        notes: Warnings, and what a long run found of growth and drift.
        checks: Every validity check, those that did not pass first.
        environment: Name and value of what moves the numbers.
        packages: Name and version.
        method: How it was measured, in sentences.
    """

    run: str
    suite: str
    started_at: str
    answer: Headline
    about: list[str]
    gate: list[Section]
    cases: list[Section]
    incidents: list[Section]
    judged: list[Table]
    described: list[Table]
    costs: list[Section]
    passed: str
    notes: list[str]
    checks: list[Check]
    environment: list[tuple[str, str]]
    packages: list[tuple[str, str]]
    method: list[str]

    @property
    def title(self) -> str:
        """Which run this is about."""
        return f"Run {self.run}, suite {self.suite}"


def report(result: Result) -> Report:
    """The report of a run."""
    every = cases(result)
    comparisons = [(case, row) for case in every for row in case.comparisons()]
    return Report(
        run=result.run.id,
        suite=result.run.suite,
        started_at=result.run.started_at,
        answer=answer(result),
        about=[*setting.describe(result), *setting.findings(result)],
        gate=[Section("Check", summary.tables(result), summary.notes(result))] if result.gate else [],
        cases=[Section(case.title, tables(case), _lines(case)) for case in every],
        incidents=[
            Section(together.title, incidents.tables(together), incidents.sentences(together))
            for together in incidents.incidents(result)
        ],
        judged=_table("Judged", [one for one in comparisons if one[1].primary], result),
        described=_table("Described", [one for one in comparisons if not one[1].primary], result),
        costs=[
            Section(case.title, found, attribution.sentences(case))
            for case in every
            if (found := attribution.tables(case))
        ],
        passed=validity.passed(result),
        notes=validity.notes(result),
        checks=validity.worst_first(result),
        environment=setting.environment(result),
        packages=sorted(result.environment.packages.items()),
        method=setting.method(result),
    )


def _lines(case: Case) -> list[str]:
    arrivals = wording.arrivals(case)
    return [*wording.sentences(case), *([arrivals] if arrivals else [])]


def _table(title: str, rows: Sequence[tuple[Case, Comparison]], result: Result) -> list[Table]:
    """The comparisons as one table; none where there are none."""
    interval = f"{fmt.whole_percent(result.run.comparisons_confidence)}\ninterval"
    heads = ["arm / base", "where", "metric", "ratio", interval, "noise\nfloor", "verdict"]
    cells = [
        [
            f"{row.arm} / {row.base}",
            case.title,
            METRICS[row.metric].title if row.metric in METRICS else row.metric,
            fmt.ratio(row.ratio),
            fmt.NOTHING if row.ci is None else fmt.ratio_interval(row.ci),
            fmt.NOTHING if row.noise_floor is None else fmt.percent(row.noise_floor),
            row.verdict if result.valid else "none",
        ]
        for case, row in rows
    ]
    return [Table(title, heads, cells)] if cells else []
