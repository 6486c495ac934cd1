"""What the command `clean` tells and asks a user."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.doctor.software import busy_since
from harness.errors import SuiteError
from harness.report import cleanup
from harness.report.cleanup import Leaving
from harness.report.content import format as fmt
from harness.system import cache


def sweep(
    results: Path, *, older_than_days: float, keep: int, dry_run: bool, yes: bool, console: Console
) -> None:
    """Tell what would go, ask, and remove it.

    Raises:
        SuiteError: Nobody can be asked, and nobody said yes.
        EnvironmentFailedError: Something cannot be removed.
    """
    busy = busy_since()
    there = cleanup.find(results, cache.folder())
    going = cleanup.choose(
        there, now=time.time(), older_than_days=older_than_days, keep=keep, busy_since=busy
    )
    if busy is not None:
        console.print("a run is under way: what may be its own stays")
    _tell(going, len(there) - len(going), console)
    if not going or dry_run:
        return
    if not yes and not sys.stdin.isatty():
        raise SuiteError("clean removes only what it is told to: say --yes, or look first with --dry-run.")
    if not yes and not _agreed():
        console.print("nothing was removed")
        return
    cleanup.remove(going, results)
    console.print(f"removed; {_megabytes(going)} MB are free again", highlight=False)


def _agreed() -> bool:
    try:
        return input("Remove all of these? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _tell(going: Sequence[Leaving], staying: int, console: Console) -> None:
    for leaving in going:
        stays = f"; stays there, not ours: {', '.join(leaving.others)}" if leaving.others else ""
        size = fmt.megabytes(leaving.size)
        console.print(
            f"{leaving.folder}  {leaving.kind}, {size} MB{stays}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    more = f"; {staying} more stay" if staying else ""
    if going:
        console.print(f"{len(going)} in all, {_megabytes(going)} MB{more}", highlight=False)
    else:
        console.print(f"nothing to remove{more}", highlight=False)


def _megabytes(leavings: Sequence[Leaving]) -> str:
    return fmt.megabytes(sum(leaving.size for leaving in leavings))
