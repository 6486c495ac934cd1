"""What the command `browser` does, told to a console."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console

from harness import turn
from harness.errors import EnvironmentFailedError
from harness.lab import browser
from harness.lab.lab import Lab
from harness.wait import console as tables
from harness.wait.rows import Click, pairs, waits


def measure(rounds: int, seed: int, console: Console, *, print_json: bool, wait: bool) -> None:
    """Measure what users wait for, and print it.

    Raises:
        EnvironmentFailedError: There is no browser, a server failed, or another run is under way.
    """
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with turn.taken(Path(), wait=wait, say=say), Lab(Path(), console) as lab:
        say(f"{rounds} rounds of a click in each of six cases, seed {seed}")
        try:
            found = browser.made(lab, "wait", Click, rounds=rounds, seed=seed)
        except browser.NoBrowserError as error:
            raise EnvironmentFailedError(str(error)) from error
    rows, compared = waits(found.rows), pairs(found.rows)
    if print_json:
        told = {
            "browser": found.browser,
            "rounds": rounds,
            "seed": seed,
            "waits": [asdict(row) for row in rows],
            "pairs": [asdict(row) | {"verdict": row.verdict} for row in compared],
        }
        print(json.dumps(told, indent=1))
    say(f"Chromium {found.browser}; medians with intervals at 95 %")
    tables.render(rows, compared, console)
