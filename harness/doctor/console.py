"""Findings of the doctor as a table and a one-sentence summary. Pure except for printing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.results.environment import MachineFinding, Severity

_STYLES: Final[dict[Severity, str]] = {
    "blocker": "bold red",
    "warning": "yellow",
    "unknown": "dim",
    "ok": "green",
}


def render(findings: Sequence[MachineFinding], console: Console) -> None:
    """Print every finding with its remedy below it, then the summary."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("finding and remedy")
    for finding in findings:
        text = Text(finding.detail)
        if finding.remedy is not None:
            text.append(f"\n→ {finding.remedy}", style="bold")
        table.add_row(Text(finding.check), Text(finding.concern, _STYLES[finding.concern]), text)
    console.print(table)
    console.print()
    console.print(Text(summary(findings)), soft_wrap=True)


def summary(findings: Sequence[MachineFinding]) -> str:
    """Summarise in one sentence whether a run can start, and how many checks warn of noise."""
    warnings = [finding.check for finding in findings if finding.concern == "warning"]
    unknown = sum(finding.concern == "unknown" for finding in findings)
    rest = f" {unknown} could not be checked." if unknown else ""
    if blockers(findings):
        return f"A run could not start here. Sources of noise: {len(warnings)}.{rest}"
    if not warnings:
        return f"No source of noise was found in {len(findings)} checks.{rest}"
    return f"Sources of noise in {len(warnings)} of {len(findings)} checks: {', '.join(warnings)}.{rest}"


def blockers(findings: Sequence[MachineFinding]) -> list[MachineFinding]:
    """Return the findings that prevent a run from starting."""
    return [finding for finding in findings if finding.concern == "blocker"]
