"""What the command `check` does."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.analysis.stats.sequential import LOOKS, Pending
from harness.errors import BenchError, InconclusiveError, InvalidMeasurementError, RegressionError, SuiteError
from harness.gate import baseline as stored
from harness.gate import revision as against
from harness.gate.judge import Judge, unanswered
from harness.gate.task import Task
from harness.measure import preflight, run_folder
from harness.measure.options import Options
from harness.measure.progress import Reporter
from harness.measure.result_builder import ResultBuilder
from harness.measure.run import Run
from harness.report import gate_page, write
from harness.report.content import gate as summary
from harness.results import archive
from harness.results.metrics import confidence_of_a_look
from harness.results.model import Result
from harness.results.progress_file import ProgressFile
from harness.suites import catalog
from harness.suites.adjust import SuiteChanges
from harness.suites.forecast import forecast
from harness.suites.model import Suite
from harness.system import files as disk
from harness.testbed import launcher
from harness.testbed.revisions import worktrees

#: Names a file to which a step of GitHub's pipelines may add a page of Markdown.
_STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
#: The page, beside the result.
SUMMARY_FILE: Final = "check.md"

#: What a comparison with a baseline can tell on an ordinary machine (docs/ci.md, "Against a baseline").
_BASELINE_TOLERANCE: Final = 0.15


@dataclass(frozen=True)
class CheckRequest:
    """What the command line asks.

    Attributes:
        suite: Its name or path.
        changes: What the command line changes of it.
        options: How to measure, and where to put it.
        against: A revision, or None.
        baseline: A stored result, or None.
        repository: A folder of the checkout whose servers are measured; None for the current folder.
        tolerance: A fraction that is let pass.
        pass_inconclusive: Whether an inconclusive answer passes.
        skip_unchanged: Whether servers that did not change need not be measured.
        formats: Exports to write beside the result.
    """

    suite: str
    options: Options
    changes: SuiteChanges = SuiteChanges()  # noqa: RUF009 - it is frozen
    against: str | None = None
    baseline: Path | None = None
    repository: Path | None = None
    tolerance: float = 0.05
    pass_inconclusive: bool = False
    skip_unchanged: bool = False
    formats: Sequence[str] = ()


def check(asked: CheckRequest, console: Console, *, print_json: bool, wait: bool) -> None:
    """Measure, answer, tell, and end by the answer.

    Raises:
        RegressionError: A figure left its limit, and fresh servers confirmed it.
        InconclusiveError: It cannot be told, and that does not pass.
        NoBaselineError: There is nothing to compare with.
        BenchError: By kind; what was finished before is in the folder.
    """
    if asked.against is not None and asked.baseline is not None:
        raise SuiteError("--against and --baseline are two questions: ask one at a time.")
    write.require_formats(asked.formats)
    launcher.check_loop(asked.options.loop)
    log = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    known = preflight.SuiteValidator(asked.suite, catalog.scenarios())
    with _task(asked, known, log) as task:
        if task is not None:
            will = forecast(task.suite, LOOKS)
            with run_folder.run_folder(asked.options.out, will, wait=wait, log=log):
                result = _measure(task, asked.options, known, console)
                failure = _failure(result, asked)
                result = result.ended_with(0 if failure is None else failure.exit_code)
                archive.save(result, asked.options.out)
                _print_verdicts(result, asked, console, print_json=print_json)
                if failure is not None:
                    raise failure
    log("exit code 0")


def save_baseline(asked: CheckRequest, file: Path, console: Console, *, print_json: bool, wait: bool) -> None:
    """Measure what a later `check --baseline` compares with, and write it to a file.

    Raises:
        InvalidMeasurementError: The measurement failed a validity check; nothing is written.
        BenchError: By kind.
    """
    options = replace(asked.options, until_decided_s=math.inf)
    launcher.check_loop(options.loop)
    log = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    known = preflight.SuiteValidator(asked.suite, catalog.scenarios())
    suite = _suite(asked, known)
    arms = stored.arms_of(suite, known, worktrees.gated_tree(suite.servers, asked.repository, log))
    with run_folder.run_folder(options.out, forecast(suite, LOOKS), wait=wait, log=log):
        with Reporter(console, ProgressFile(options.out, suite.name, suite.arms)) as reporter:
            result = Run(suite, options, known.needs_credential, _further_batches(suite)).run(arms, reporter)
        archive.save(result, options.out)
    if not result.valid:
        for note in summary.invalid(result):
            log(note)
        raise InvalidMeasurementError("no baseline was written: the checks above say why.")
    archive.save_baseline(result, file)
    if print_json:
        sys.stdout.write(result.model_dump_json() + "\n")
        sys.stdout.flush()
    asking = f"bench.py check {asked.suite} --baseline {file} --tolerance {_BASELINE_TOLERANCE}"
    log(f"{file} is written: commit it, and let pipelines run: {asking}")
    log("exit code 0")


def _suite(asked: CheckRequest, known: preflight.SuiteValidator) -> Suite:
    """Return the suite, as the command line changes it; refuse one that a gate cannot judge."""
    suite = asked.changes.applied(catalog.load_suite(asked.suite), asked.suite, catalog.schemes())
    known.check_gated(suite)
    return suite


def _further_batches(suite: Suite) -> Callable[[ResultBuilder], Pending]:
    """What is still to be measured of a baseline: everything, until there are `LOOKS` batches of each."""

    def still(findings: ResultBuilder) -> Pending:
        batches = max((len(row.batches) or 1 for row in findings.measurements), default=0)
        wanted = range(len(suite.scenarios)) if batches < LOOKS else ()
        return Pending(frozenset(wanted), frozenset(suite.arms), planned=True)

    return still


@contextmanager
def _task(
    asked: CheckRequest, known: preflight.SuiteValidator, log: Callable[[str], None]
) -> Iterator[Task | None]:
    """What there is to do, as long as its code is there; None where nothing needs measuring."""
    suite = _suite(asked, known)
    if asked.against is None:
        tree = worktrees.gated_tree(suite.servers, asked.repository, log)
        yield stored.AgainstStored(suite, tree, known, asked.baseline, asked.tolerance)
        return
    with against.revision(
        asked.against,
        asked.repository or Path.cwd(),
        suite,
        known,
        asked.tolerance,
        log,
        skip_unchanged=asked.skip_unchanged,
    ) as task:
        yield task


def _measure(task: Task, options: Options, known: preflight.SuiteValidator, console: Console) -> Result:
    """Batch after batch of fresh servers, until every question has its answer or time is up."""
    confidence = confidence_of_a_look(task.suite.confidence, LOOKS)
    judge = Judge(task.questions, confidence)
    file = ProgressFile(options.out, task.suite.name, task.suite.arms)
    with Reporter(console, file) as reporter:
        result = Run(task.suite, options, known.needs_credential, judge.undecided).run(task.arms, reporter)
    checks, asked, comparand = task.finalize(result)
    gate = Judge(asked, confidence).answers(result.measurements)
    whole = result.model_copy(
        update={"validity": [*result.validity, *checks], "gate": gate, "comparand": comparand}
    )
    return whole if whole.valid else whole.model_copy(update={"gate": unanswered(gate)})


def _print_verdicts(result: Result, asked: CheckRequest, console: Console, *, print_json: bool) -> None:
    folder = asked.options.out
    files = _leave(result, asked.formats, folder)
    if print_json:
        sys.stdout.write(result.model_dump_json() + "\n")
        sys.stdout.flush()
    gate_page.print_gate(result, console)
    files += write.write_or_warn(result, folder)
    names = ", ".join(file.name for file in (folder / archive.RESULT_FILE, *files))
    console.print(f"in {folder}: {names}", highlight=False, markup=False, soft_wrap=True)


def _leave(result: Result, formats: Sequence[str], folder: Path) -> list[Path]:
    """Write the summary and the exports, each as far as it can be: the answer does not depend on them."""
    text = gate_page.render(result)
    files = write.attempt(SUMMARY_FILE, lambda: archive.save_texts({SUMMARY_FILE: text}, folder))
    for name in formats:
        remedy = f"Then: bench.py report {folder} --format {name}"
        files += write.attempt(name, partial(write.exports, result, [name], folder), remedy)
    if step := os.environ.get(_STEP_SUMMARY):
        write.attempt("step summary", partial(_append, Path(step), text))
    return files


def _append(file: Path, text: str) -> list[Path]:
    try:
        with file.open("a", encoding="utf-8") as summary_file:
            summary_file.write(text)
    except OSError as error:
        raise disk.failure(error, file) from error
    return [file]


def _failure(result: Result, asked: CheckRequest) -> BenchError | None:
    """What the answer ends the command with; None where it passes."""
    told = summary.headline(result)
    if not result.valid:
        return InvalidMeasurementError(f"{told} {'; '.join(summary.invalid(result))}")
    answer = summary.verdict(result)
    if answer == "regression":
        return RegressionError(told)
    if answer == "inconclusive" and not asked.pass_inconclusive:
        return InconclusiveError(f"{told} {_remedy(asked)}, or let this pass with --on-inconclusive pass.")
    return None


def _remedy(asked: CheckRequest) -> str:
    """What would make an inconclusive gate decide."""
    if asked.baseline is not None and asked.tolerance < _BASELINE_TOLERANCE:
        return (
            f"Runs at different times differ by more: give it --tolerance {_BASELINE_TOLERANCE} or ask"
            " --against a revision"
        )
    return "Give it a longer --limit or more instances in the suite"
