"""Implementation of the command `verify engine`."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console

from harness.studies.load_engine import console as tables
from harness.studies.load_engine.rows import rows
from harness.studies.load_engine.trial import measure as measure_rounds
from harness.system import run_lock


def measure(rounds: int, seconds: int, seed: int, console: Console, *, print_json: bool, wait: bool) -> None:
    """Measure all load generators and print the results.

    Raises:
        EnvironmentFailedError: An engine or a server failed, or another run is in progress.
    """
    log = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with run_lock.machine_lock(Path(), wait=wait, log=log):
        measured = rows(measure_rounds(rounds, seconds, seed, log))
    if print_json:
        print(json.dumps([asdict(row) for row in measured], indent=1))
    tables.render(measured, console)
