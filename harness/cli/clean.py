"""`bench.py clean`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options, output
from harness.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.cleanup import Removable


def command(
    results: options.Results = Path("results"),
    older_than: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="Only what was begun longer ago than this.")
    ] = 0,
    keep: Annotated[int, typer.Option(min=0, metavar="N", help="Keep the newest N runs.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be removed and exit.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> None:
    """Remove runs and cached environments, after printing which and how much room they take.

    Results in `published`, and files that no run writes, stay. So does what a live run may be using.
    """
    from harness.doctor.software import busy_since
    from harness.report import cleanup
    from harness.system import files

    console = output.console()
    busy = busy_since()
    there = cleanup.find(results, files.folder())
    going = cleanup.choose(there, now=time.time(), older_than_days=older_than, keep=keep, busy_since=busy)
    if busy is not None:
        console.print("a run is live: what may be its own stays")
    for line in _plan(going, len(there) - len(going)):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if not going or dry_run:
        return
    if not yes and not sys.stdin.isatty():
        raise SuiteError("clean removes nothing without a confirmation: give --yes, or look with --dry-run.")
    if not yes and not _confirmed():
        console.print("nothing was removed")
        return
    cleanup.remove(going, results)
    console.print(f"removed; {_megabytes(going)} MB are free again", highlight=False)


def _confirmed() -> bool:
    try:
        return input("Remove all of these? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _plan(going: Sequence[Removable], staying: int) -> list[str]:
    more = f"; {staying} more stay" if staying else ""
    if not going:
        return [f"nothing to remove{more}"]
    return [
        *map(_line, going),
        f"{len(going)} in all, {_megabytes(going)} MB{more}",
    ]


def _line(leaving: Removable) -> str:
    stays = f"; stays there, not ours: {', '.join(leaving.others)}" if leaving.others else ""
    return f"{leaving.folder}  {leaving.kind}, {_megabytes([leaving])} MB{stays}"


def _megabytes(leavings: Sequence[Removable]) -> str:
    from harness.report.content.format import megabytes

    return megabytes(sum(leaving.size for leaving in leavings))
