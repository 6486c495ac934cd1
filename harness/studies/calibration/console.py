"""Error rates as tables for terminals of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from harness.report.content import format as fmt
from harness.studies.calibration import commits
from harness.studies.calibration.error_rates import ErrorRates, MedianWithInterval, Rate, goals, rows
from harness.studies.calibration.trial_kinds import KINDS, Trial
from harness.studies.goals import goals_table


def render(trials: Sequence[Trial], console: Console) -> None:
    """Print the rates of verdicts, and the goals for them."""
    for kind, rows_of_kind in groupby(rows(trials), key=lambda row: row.kind):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("", no_wrap=True, min_width=16)
        for heading in ("called slower", "called faster"):
            table.add_column(heading, no_wrap=True, justify="right", min_width=18)
        for heading in ("invalid", "seconds"):
            table.add_column(heading, no_wrap=True, justify="right")
        judged = list(rows_of_kind)
        for row in judged:
            invalid = "" if row.seconds is None else str(row.invalid)
            table.add_row(row.judge, _rate(row.slower), _rate(row.faster), invalid, _seconds(row.seconds))
        console.print(f"{KINDS[kind].title}{_measured(judged[0])}", highlight=False, soft_wrap=True)
        console.print(table)
        console.print()
    if stated := goals(trials):
        console.print(goals_table(stated, "too few trials"))


def _measured(row: ErrorRates) -> str:
    """Return the measured added work; without added work, the measured ratio."""
    if row.measured_added is not None:
        return f" (measured: {fmt.percent(row.measured_added.value)})"
    if row.ratio is None:
        return ""
    ends = "" if row.ratio.ci is None else f", {fmt.ratio_interval(row.ratio.ci)}"
    return f" ({fmt.ratio(row.ratio.value)}{ends})"


def render_gate(trials: Sequence[commits.GateTrial], console: Console) -> None:
    """Print the gate's answers to commits of known effect."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("commit", min_width=14)
    for heading in ("right", "wrong", "no answer", "seconds"):
        table.add_column(heading, no_wrap=True, justify="right")
    for row in commits.rows(trials):
        added = row.measured_added
        title = row.commit.title + (f" (+{fmt.percent(added.value)} measured)" if added else "")
        rates = _rate(row.right), _rate(row.wrong)
        table.add_row(title, *rates, str(row.unanswered), _seconds(row.seconds))
    console.print(table)
    console.print(f"wrong answers: {_rate(commits.wrong(trials))}", highlight=False)


def _seconds(seconds: MedianWithInterval | None) -> str:
    if seconds is None:
        return ""
    ends = "" if seconds.ci is None else f" ({seconds.ci[0]:.0f}-{seconds.ci[1]:.0f})"
    return f"{seconds.value:.0f}{ends}"


def _rate(rate: Rate) -> str:
    return f"{rate.happened} of {rate.trials} ({rate.low:.0%}-{rate.high:.0%})"
