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
from harness.wait.rows import CONFIDENCE, Click, noise, pairs, waits


def measure(rounds: int, batches: int, seed: int, console: Console, *, print_json: bool, wait: bool) -> None:
    """Measure what users wait for, and print it.

    Raises:
        EnvironmentFailedError: There is no browser, a server failed, or another run is under way.
    """
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    found = []
    with turn.taken(Path(), wait=wait, say=say):
        say(f"{batches} batches of {rounds} rounds of a click in each case, seed {seed}")
        for number in range(batches):
            found.append(_batch(rounds, seed + number, console))
            say(f"batch {number + 1} of {batches}")
    clicks = [one.rows for one in found]
    rows, compared, same = waits(clicks), pairs(clicks), noise(clicks)
    if print_json:
        told = {
            "browser": found[0].browser,
            "rounds": rounds,
            "batches": batches,
            "seed": seed,
            "confidence": CONFIDENCE,
            "waits": [asdict(row) for row in rows],
            "pairs": [asdict(row) for row in compared],
            "noise": asdict(same),
        }
        print(json.dumps(told, indent=1))
    say(f"Chromium {found[0].browser}; means of the batches' medians, intervals at {CONFIDENCE:.0%}")
    tables.render(rows, compared, same, console)
    if same.suspicious:
        say("warning: two servers of one scheme differ more than chance explains: believe no verdict above")


def _batch(rounds: int, seed: int, console: Console) -> browser.Made[Click]:
    """The clicks on fresh servers, in a fresh browser."""
    with Lab(Path(), console) as lab:
        try:
            return browser.made(lab, "wait", Click, rounds=rounds, seed=seed)
        except browser.NoBrowserError as error:
            raise EnvironmentFailedError(str(error)) from error
