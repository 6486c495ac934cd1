"""What the doctor found, as a table and one sentence. Pure but for the printing."""

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
    """Print every finding, its remedy below it, and what they come to."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("looked at", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("found, and what to do")
    for finding in findings:
        told = Text(finding.detail)
        if finding.remedy is not None:
            told.append(f"\n→ {finding.remedy}", style="bold")
        table.add_row(Text(finding.check), Text(finding.concern, _STYLES[finding.concern]), told)
    console.print(table)
    console.print()
    console.print(Text(summary(findings)), soft_wrap=True)


def summary(findings: Sequence[MachineFinding]) -> str:
    """One sentence: whether a run can start, and how much will blur it."""
    warnings = [finding.check for finding in findings if finding.concern == "warning"]
    unknown = sum(finding.concern == "unknown" for finding in findings)
    not_told = f" {unknown} could not be told." if unknown else ""
    if blockers(findings):
        return f"A run could not start here; {len(warnings)} more things would blur its figures.{not_told}"
    if not warnings:
        return f"Nothing that would blur the figures was found among {len(findings)} things.{not_told}"
    noun = "thing" if len(warnings) == 1 else "things"
    return (
        f"{len(warnings)} {noun} of {len(findings)} will blur the figures: {', '.join(warnings)}.{not_told}"
    )


def blockers(findings: Sequence[MachineFinding]) -> list[MachineFinding]:
    """The findings that keep a run from starting."""
    return [finding for finding in findings if finding.concern == "blocker"]
