"""Implementation of the command `study advise`."""

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
    """Print the answer to a question from a stored result.

    Args:
        which: Folder, result file or id of a run, or `latest`; None for the latest run of suite `claims`.
        results: Folder of results.
        question: Conditions to estimate costs for.
        console: Console for the answer.
        print_json: Whether to print JSON to standard output, too.

    Raises:
        SuiteError: There is no such result.
        InvalidMeasurementError: The run was invalid or stopped.
    """
    path = _latest_of_claims(results) if which is None else archive.find(which, results)
    result = archive.load(path)
    if not result.believable:
        raise InvalidMeasurementError(
            f"{path} is from an invalid or stopped run: no estimates are made from it."
        )
    advice = advise(result, question, catalog.schemes())
    if print_json:
        sys.stdout.write(advice.model_dump_json(indent=1) + "\n")
        sys.stdout.flush()
    terminal.render(advice, console)
    console.print("exit code 0", highlight=False)


def _latest_of_claims(results: Path) -> Path:
    """Return the folder of the newest complete and valid run of the suite."""
    folders = [folder for folder, run in archive.runs(results) if run["suite"] == SUITE]
    latest = next((folder for folder in reversed(folders) if archive.load(folder).believable), None)
    if latest is None:
        raise SuiteError(
            f"no complete, valid run of suite {SUITE} below {results}: name a result, or run"
            " `bench.py study claims`."
        )
    return latest
