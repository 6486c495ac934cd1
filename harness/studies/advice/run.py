"""What the command `advise` does, told to a console."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from harness.errors import InvalidMeasurementError, SuiteError
from harness.results import archive
from harness.studies.advice import console as terminal
from harness.studies.advice.advise import advise
from harness.studies.advice.question import AdviceQuestion
from harness.studies.suites import SUITE
from harness.suites import catalog


def print_advice(
    which: str | None, results: Path, question: AdviceQuestion, console: Console, *, print_json: bool
) -> None:
    """Answer a question from a stored result.

    Args:
        which: A run: its folder, file or id, or `latest`; None for the latest that claims were measured by.
        results: The folder of results.
        question: What is asked.
        console: Where the answer is told.
        print_json: Whether it also goes to standard output, for programs.

    Raises:
        SuiteError: There is no such result.
        InvalidMeasurementError: It must not be believed.
    """
    place = _latest_of_claims(results) if which is None else archive.find(which, results)
    result = archive.load(place)
    if not result.believable:
        raise InvalidMeasurementError(
            f"{place} is of a run that was invalid or stopped: nothing is advised from it."
        )
    advice = advise(result, question, catalog.schemes())
    if print_json:
        sys.stdout.write(advice.model_dump_json(indent=1) + "\n")
        sys.stdout.flush()
    terminal.render(advice, console)
    console.print("exit code 0", highlight=False)


def _latest_of_claims(results: Path) -> Path:
    """The newest run that may be believed; those of before one that was spoilt are still there."""
    found = [folder for folder, run in archive.runs(results) if run["suite"] == SUITE]
    whole = next((folder for folder in reversed(found) if archive.load(folder).believable), None)
    if whole is None:
        raise SuiteError(
            f"no whole run of suite {SUITE} below {results}: name a result, or run bench.py study claims."
        )
    return whole
