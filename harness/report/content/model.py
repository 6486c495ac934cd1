"""Content of a run's report, before it is formatted for the console, as Markdown or as HTML. Pure.

All three are made from this model alone, so that they cannot contradict each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.report.content import attribution, incidents, validity, wording
from harness.report.content import environment as environment_text
from harness.report.content import format as fmt
from harness.report.content import gate as gate_text
from harness.report.content.answer import Headline, answer
from harness.report.content.case import Case, cases
from harness.report.content.tables import Section, Table, tables
from harness.results.base import Status
from harness.results.model import Check, Comparison, Result

_WORST_FIRST: Final[tuple[Status, ...]] = ("invalid", "warning", "ok")


@dataclass(frozen=True)
class Drawing:
    """Chart inside a page.

    Attributes:
        name: Name of the chart's file.
        shows: Description of the chart, in a sentence.
        says: Text in the chart: the result, how to read it, how it was measured.
        svg: SVG, inserted into the page unchanged; the elements with the ids `NAME-shows` and `NAME-says`
            describe it.
    """

    name: str
    shows: str
    says: str
    svg: str


@dataclass(frozen=True)
class Report:
    """Report of one run.

    Attributes:
        run: Id of the run.
        suite: Name of its suite.
        started_at: Start time, ISO 8601 in UTC.
        answer: Conclusion and its confidence; of an invalid run the reasons why it is invalid.
        about: Summary of the run in few lines: machine, design, sources of noise.
        gate: Verdicts of `bench.py check`; empty for other runs.
        cases: Sections, one per scenario and load.
        incidents: Sections, one per incident.
        judged: Comparisons that have a verdict.
        described: All other comparisons.
        costs: CPU breakdown by server and store.
        passed: Number of validity checks that passed, as a sentence.
        notes: Warnings, and growth and drift of a long run.
        checks: All validity checks, those that did not pass first.
        environment: Name and value of what affects the numbers.
        packages: Name and version of each package.
        method: How the figures were measured, in sentences.
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
        """Return which run the report is about."""
        return f"Run {self.run}, suite {self.suite}"


def report(result: Result) -> Report:
    """Return the report of a run."""
    whole_cases = cases(result)
    comparisons = [(case, row) for case in whole_cases for row in case.comparisons()]
    return Report(
        run=result.run.id,
        suite=result.run.suite,
        started_at=result.run.started_at,
        answer=answer(result),
        about=[*environment_text.describe(result), *environment_text.findings(result)],
        gate=[Section("Check", gate_text.tables(result), gate_text.notes(result))] if result.gate else [],
        cases=[
            Section(case.title, tables(case), [*wording.sentences(case), *wording.arrivals(case)])
            for case in whole_cases
        ],
        incidents=[
            Section(incident.title, incidents.tables(incident), incidents.sentences(incident))
            for incident in incidents.incidents(result)
        ],
        judged=_table("With verdict", [pair for pair in comparisons if pair[1].primary], result),
        described=_table("Without verdict", [pair for pair in comparisons if not pair[1].primary], result),
        costs=[
            Section(case.title, cost_tables, attribution.sentences(case))
            for case in whole_cases
            if (cost_tables := attribution.tables(case))
        ],
        passed=validity.passed(result),
        notes=validity.notes(result),
        checks=[check for status in _WORST_FIRST for check in validity.checks(result, status)],
        environment=environment_text.environment(result),
        packages=sorted(result.environment.packages.items()),
        method=environment_text.method(result),
    )


def _table(title: str, rows: Sequence[tuple[Case, Comparison]], result: Result) -> list[Table]:
    """Return the comparisons as one table; none without comparisons."""
    interval = f"{fmt.whole_percent(result.run.comparisons_confidence)}\nCI"
    least = "minimum detectable\ndifference"
    heads = ["scheme / base", "scenario", "metric", "ratio", interval, least, "verdict"]
    cells = [
        [
            f"{row.arm} / {row.base}",
            case.title,
            wording.metric_title(row.metric),
            fmt.ratio(row.ratio),
            fmt.NOTHING if row.ci is None else fmt.ratio_interval(row.ci),
            fmt.NOTHING if row.noise_floor is None else fmt.percent(row.noise_floor),
            row.verdict if result.valid else "none",
        ]
        for case, row in rows
    ]
    return [Table(title, heads, cells)] if cells else []
