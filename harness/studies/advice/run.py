"""Implementation of the command `study advise`: it finds the result, and prints the answer."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from harness.errors import InvalidMeasurementError, SuiteError
from harness.report.console import print_item, print_tables
from harness.report.content import format as fmt
from harness.results import archive
from harness.studies.advice import wording
from harness.studies.advice.advise import advise
from harness.studies.advice.answer import Advice
from harness.studies.advice.question import AdviceQuestion
from harness.studies.claims.claim import SUITE
from harness.suites import catalog
from harness.system.output import Output


def print_advice(which: str | None, results: Path, question: AdviceQuestion, output: Output) -> None:
    """Print the answer to a question from a stored result.

    Args:
        which: Folder, result file or id of a run, or `latest`; None for the latest run of suite `claims`.
        results: Folder of results.
        question: Conditions to estimate costs for.
        output: Output for the answer, as JSON, too, if that was requested.

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
    output.json(advice.model_dump_json(indent=1))
    render(advice, output.console)
    output.log("exit code 0")


def render(advice: Advice, console: Console) -> None:
    """Print an answer in at most 80 columns if the console has no more."""
    heading = f"Run {advice.run}, suite {advice.suite}; intervals at {fmt.whole_percent(advice.confidence)}"
    console.print(Text(heading, style="bold"))
    print_item(wording.inputs(advice.question), console)
    console.print()
    print_tables(wording.tables(advice), console)
    for line in wording.sentences(advice):
        print_item(line, console)
    console.print()
    tables, text = wording.validation(advice)
    print_tables(tables, console)
    for line in [text, *wording.notes(advice)]:
        print_item(line, console)


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
