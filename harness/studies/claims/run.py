"""Implementation of the command `study claims`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.measure import run_folder
from harness.report.charts.parts.draw import Picture, draw_claims
from harness.results import archive
from harness.results.claims import ClaimAnswer, Outcome
from harness.studies.claims import console as terminal
from harness.studies.claims import page
from harness.studies.claims.answers import FILE, Answers, answer_of
from harness.studies.claims.claim import Claim, find_claims, not_run
from harness.studies.lab import Lab, LabSetting
from harness.studies.suites import SUITES
from harness.system import files, interpreter, run_lock
from harness.testbed.revisions import worktrees

#: Name of the page, which is written beside the list of answers.
PAGE_FILE: Final = "claims.md"
#: Space for accounts, logs and the store of the servers.
_TEMPORARY_BYTES: Final = 50e6


def run_claims(numbers: list[int], folder: Path, console: Console, *, print_json: bool, wait: bool) -> None:
    """Test the claims that the folder has no answers to, and print all answers.

    Raises:
        SuiteError: There is no such claim, or the folder's answers have another setting.
        BenchError: An experiment failed; the answers before it are kept.
    """
    log = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    claims = find_claims(numbers)
    with run_lock.machine_lock(folder, wait=wait, log=log):
        files.temporary_folder(_TEMPORARY_BYTES)
        if removed := run_folder.remove(folder.parent):
            log(f"removed files left by killed runs: {', '.join(removed)}")
        archive.prepare(folder)
        with Lab(folder, console) as lab:
            answers = Answers(folder, LabSetting.of(lab.digest()), worktrees.revision())
            todo = [claim for claim in claims if not answers.has(claim.number)]
            todo.sort(key=lambda claim: claim.kind == "measured")  # measured claims take minutes
            if len(todo) < len(claims):
                log(f"{len(claims) - len(todo)} answers are in {folder} already; {len(todo)} to go")
            for number, claim in enumerate(todo, 1):
                begun = time.monotonic()
                outcome = _outcome(claim, lab)
                answers.add(answer_of(claim, outcome))
                duration = f"{time.monotonic() - begun:.1f} s"
                log(f"{number} of {len(todo)}: {claim.number}. {claim.says}: {outcome.verdict} ({duration})")
        pictures = draw(answers.all, folder, log)
        archive.save_texts({PAGE_FILE: page.render(answers.all, pictures)}, folder)
    if print_json:
        print(json.dumps([answer.model_dump() for answer in answers.all], indent=1))
    terminal.render(answers.all, console)
    log(f"{FILE}, {PAGE_FILE} and {len(pictures)} charts are in {folder}")
    log("exit code 0")


def draw(answers: Sequence[ClaimAnswer], folder: Path, log: Callable[[str], None]) -> list[Picture]:
    """Draw the charts that apply; without matplotlib none are drawn, since no answer depends on them."""
    runs = [folder / suite for suite in SUITES if (folder / suite / archive.RESULT_FILE).exists()]
    results = [result for run in runs if (result := archive.load(run)).believable]
    try:
        return draw_claims(answers, results, folder)
    except ModuleNotFoundError as error:
        log(f"no charts ({interpreter.missing(error)})")
        return []


def _outcome(claim: Claim, lab: Lab) -> Outcome:
    return not_run(claim) if claim.run is None else claim.run(lab)
