"""Implementation of the command `study claims`: it tests claims, and prints the answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.measure import run_folder
from harness.report.charts.parts.draw import Picture, draw_claims
from harness.results import archive
from harness.results.claims import ClaimAnswer
from harness.studies.claims import page
from harness.studies.claims.answers import FILE, Answers, answer_of
from harness.studies.claims.claim import SUITES, find_claims
from harness.studies.lab import Lab, LabSetting
from harness.system import interpreter
from harness.system.output import Output
from harness.testbed.revisions import worktrees

#: Name of the page, which is written beside the list of answers.
PAGE_FILE: Final = "claims.md"
#: Space for accounts, logs and the store of the servers.
_TEMPORARY_BYTES: Final = 50e6
_STYLES: Final = {"supported": "green", "refuted": "red", "inconclusive": "yellow", "not run": "dim"}


def run_claims(numbers: list[int], folder: Path, output: Output, *, wait: bool) -> None:
    """Test the claims that the folder has no answers to, and print all answers.

    Raises:
        SuiteError: There is no such claim, or the folder's answers have another setting.
        BenchError: An experiment failed; the answers before it are kept.
    """
    claims = find_claims(numbers)
    with run_folder.machine_lock(folder, _TEMPORARY_BYTES, wait=wait, log=output.log):
        archive.prepare(folder)
        with Lab(folder, output.console) as lab:
            answers = Answers(folder, LabSetting.of(lab.digest()), worktrees.revision())
            todo = [claim for claim in claims if not answers.has(claim.number)]
            todo.sort(key=lambda claim: claim.kind == "measured")  # measured claims take minutes
            if len(todo) < len(claims):
                output.log(f"{len(claims) - len(todo)} answers are in {folder} already; {len(todo)} to go")
            for number, claim in enumerate(todo, 1):
                begun = time.monotonic()
                outcome = claim.run(lab)
                answers.add(answer_of(claim, outcome))
                test = f"{number} of {len(todo)}: {claim.number}. {claim.says}"
                output.log(f"{test}: {outcome.verdict} ({time.monotonic() - begun:.1f} s)")
        pictures = draw(answers.all, folder, output.log)
        archive.save_texts({PAGE_FILE: page.render(answers.all, pictures)}, folder)
    output.json(json.dumps([answer.model_dump() for answer in answers.all], indent=1))
    print_answers(answers.all, output.console)
    output.log(f"{FILE}, {PAGE_FILE} and {len(pictures)} charts are in {folder}")
    output.log("exit code 0")


def draw(answers: Sequence[ClaimAnswer], folder: Path, log: Callable[[str], None]) -> list[Picture]:
    """Draw the charts that apply; without matplotlib none are drawn, since no answer depends on them."""
    runs = [folder / suite for suite in SUITES if (folder / suite / archive.RESULT_FILE).exists()]
    results = [result for run in runs if (result := archive.load(run)).believable]
    try:
        return draw_claims(answers, results, folder)
    except ModuleNotFoundError as error:
        log(f"no charts ({interpreter.missing(error)})")
        return []


def print_answers(answers: Sequence[ClaimAnswer], console: Console) -> None:
    """Print each claim with its verdict and the reason below it, in 80 columns."""
    table = Table(
        Column("#", justify="right", no_wrap=True),
        Column("verdict", no_wrap=True),
        Column("claim (author), and what was observed", overflow="fold"),
        box=None, pad_edge=False, padding=(0, 2, 0, 0),
    )  # fmt: skip
    for answer in answers:
        verdict = Text(answer.verdict, style=_STYLES[answer.verdict])
        table.add_row(str(answer.number), verdict, Text(f"{answer.says} ({answer.by})", style="bold"))
        table.add_row("", "", Text(answer.because))
    console.print(table)
