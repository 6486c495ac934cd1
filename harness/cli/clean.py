"""`bench.py clean`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.report.cleanup import Removable


def command(
    results: options.Results = Path("results"),
    older_than: Annotated[float, typer.Option(min=0, metavar="DAYS", help="Only runs older than this.")] = 0,
    keep: Annotated[int, typer.Option(min=0, metavar="N", help="Keep the newest N runs.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be removed and exit.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> None:
    """Delete old runs, comparisons and cached environments, after listing them with their size.

    Results in `published` and files that no run writes are kept, and so is what a running benchmark may use.
    """
    from harness.doctor.checks.programs import busy_since
    from harness.report import cleanup
    from harness.system import files

    output = options.output()
    busy = busy_since()
    candidates = cleanup.find(results, files.folder())
    chosen = cleanup.choose(
        candidates, now=time.time(), older_than_days=older_than, keep=keep, busy_since=busy
    )
    if busy is not None:
        output.log("a benchmark is running: what it may use is kept")
    for line in _plan(chosen, len(candidates) - len(chosen)):
        output.log(line)
    if not chosen or dry_run:
        return
    if not yes and not sys.stdin.isatty():
        raise SuiteError("clean requires a confirmation: pass --yes, or preview with --dry-run.")
    if not yes and not _confirmed():
        output.log("nothing was removed")
        return
    cleanup.remove(chosen, results)
    output.log(f"removed; {_megabytes(chosen)} MB freed")


def _confirmed() -> bool:
    try:
        return input("Remove all of these? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _plan(chosen: Sequence[Removable], kept: int) -> list[str]:
    more = f"; {kept} more are kept" if kept else ""
    total = f"{len(chosen)} in total, {_megabytes(chosen)} MB" if chosen else "nothing to remove"
    return [*map(_line, chosen), f"{total}{more}"]


def _line(removable: Removable) -> str:
    kept = f"; other files are kept: {', '.join(removable.others)}" if removable.others else ""
    return f"{removable.folder}  {removable.kind}, {_megabytes([removable])} MB{kept}"


def _megabytes(removables: Sequence[Removable]) -> str:
    from harness.report.content.format import megabytes

    return megabytes(sum(removable.size for removable in removables))
