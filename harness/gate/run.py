"""Implementation of the command `check`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from harness.analysis.stats.sequential import LOOKS, Pending
from harness.errors import BenchError, InconclusiveError, InvalidMeasurementError, RegressionError, SuiteError
from harness.gate import baseline as stored
from harness.gate import revision as against
from harness.gate.baseline import AgainstStored
from harness.gate.judge import Judge, unanswered
from harness.gate.revision import AgainstRevision
from harness.measure import preflight, run_folder
from harness.measure.options import Options
from harness.measure.result_builder import ResultBuilder
from harness.measure.run import Run
from harness.report import gate_page, write
from harness.report.content import gate as summary
from harness.report.content import validity
from harness.results import archive
from harness.results.metrics import confidence_of_a_look
from harness.results.model import Result
from harness.suites import catalog
from harness.suites.adjust import SuiteChanges
from harness.suites.forecast import forecast
from harness.suites.model import Suite
from harness.system import files as disk
from harness.system.output import Output
from harness.testbed.revisions import worktrees

#: Environment variable with the file to which a step of a GitHub workflow may append Markdown.
_STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"

#: Smallest useful tolerance of a baseline on an ordinary machine (docs/ci.md, "Against a baseline").
_BASELINE_TOLERANCE: Final = 0.15

#: What to measure, and the questions to answer.
Task = AgainstStored | AgainstRevision


@dataclass(frozen=True)
class CheckRequest:
    """Options of the command line.

    Attributes:
        suite: Name or path of the suite.
        changes: Changes of the suite by the command line.
        options: Options of the measurement, and its folder.
        against: Git revision, or None.
        baseline: Baseline file, or None.
        repository: Folder of the checkout with the servers to measure; None for the current folder.
        tolerance: Tolerated slowdown, as a fraction.
        pass_inconclusive: Whether an inconclusive verdict passes.
        skip_unchanged: Whether to skip servers that did not change.
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


def check(request: CheckRequest, output: Output, *, wait: bool) -> None:
    """Measure, print the verdicts, and raise an error if the gate does not pass.

    Raises:
        RegressionError: A figure is beyond its limit, confirmed on fresh servers.
        InconclusiveError: The verdict is inconclusive, and that does not pass.
        NoBaselineError: There is nothing to compare with.
        BenchError: Another failure, by its class; finished scenarios are in the folder.
    """
    if request.against is not None and request.baseline is not None:
        raise SuiteError("--against and --baseline exclude each other: pass only one of them.")
    write.require_formats(request.formats)
    known = preflight.SuiteValidator(request.suite, catalog.scenarios())
    with _task(request, known, output.log) as task:
        if task is not None:
            cost = forecast(task.suite, LOOKS)
            with run_folder.run_folder(request.options.out, cost, wait=wait, log=output.log):
                result = _measure(task, request.options, known, output)
                failure = _failure(result, request)
                result = result.ended_with(0 if failure is None else failure.exit_code)
                archive.save(result, request.options.out)
                _print_verdicts(result, request, output)
                if failure is not None:
                    raise failure
    output.log("exit code 0")


def save_baseline(request: CheckRequest, file: Path, output: Output, *, wait: bool) -> None:
    """Measure a baseline for a later `check --baseline`, and write it to a file.

    Raises:
        InvalidMeasurementError: The measurement failed a validity check; nothing is written.
        BenchError: Another failure, by its class.
    """
    options = replace(request.options, until_decided_s=math.inf)
    known = preflight.SuiteValidator(request.suite, catalog.scenarios())
    suite = _suite(request, known)
    tree = worktrees.gated_tree(suite.servers, request.repository, output.log)
    arms = stored.arms_of(suite, known, tree)
    with run_folder.run_folder(options.out, forecast(suite, LOOKS), wait=wait, log=output.log):
        run = Run(suite, options, known.needs_credential, partial(_further_batches, suite))
        result = run.run(arms, output.console)
        archive.save(result, options.out)
    if not result.valid:
        for note in validity.reasons(result):
            output.log(note)
        raise InvalidMeasurementError("no baseline was written: the checks above failed.")
    archive.save_baseline(result, file)
    output.json(result.model_dump_json())
    command = f"bench.py check {request.suite} --baseline {file} --tolerance {_BASELINE_TOLERANCE}"
    output.log(f"{file} is written: commit it, and run in pipelines: {command}")
    output.log("exit code 0")


def _suite(request: CheckRequest, known: preflight.SuiteValidator) -> Suite:
    """Return the suite with the command line's changes; refuse suites that a gate cannot judge."""
    suite = request.changes.applied(catalog.load_suite(request.suite), request.suite, catalog.schemes())
    known.check_gated(suite)
    preflight.check_store(suite, {}, request.options.redis_url)
    return suite


def _further_batches(suite: Suite, builder: ResultBuilder) -> Pending:
    """Return what a baseline still needs: everything, until each scenario has `LOOKS` batches."""
    batches = max((len(row.batches) or 1 for row in builder.measurements), default=0)
    wanted = range(len(suite.scenarios)) if batches < LOOKS else ()
    return Pending(frozenset(wanted), frozenset(suite.arms), planned=True)


def _task(
    request: CheckRequest, known: preflight.SuiteValidator, log: Callable[[str], None]
) -> AbstractContextManager[Task | None]:
    """Return a context with the task, while its code exists; None if nothing needs to be measured."""
    suite = _suite(request, known)
    if request.against is None:
        tree = worktrees.gated_tree(suite.servers, request.repository, log)
        return nullcontext(AgainstStored(suite, tree, known, request.baseline, request.tolerance))
    return against.revision(
        request.against,
        request.repository or Path.cwd(),
        suite,
        known,
        request.tolerance,
        log,
        skip_unchanged=request.skip_unchanged,
    )


def _measure(task: Task, options: Options, known: preflight.SuiteValidator, output: Output) -> Result:
    """Measure batches of fresh servers until every question has a verdict or the time limit is reached."""
    confidence = confidence_of_a_look(task.suite.confidence, LOOKS)
    judge = Judge(task.questions, confidence)
    result = Run(task.suite, options, known.needs_credential, judge.undecided).run(task.arms, output.console)
    checks, questions, comparand = task.finalize(result)
    gate = Judge(questions, confidence).answers(result.measurements)
    whole = result.model_copy(
        update={"validity": [*result.validity, *checks], "gate": gate, "comparand": comparand}
    )
    return whole if whole.valid else whole.model_copy(update={"gate": unanswered(gate)})


def _print_verdicts(result: Result, request: CheckRequest, output: Output) -> None:
    folder = request.options.out
    files = _write_files(result, request.formats, folder)
    output.json(result.model_dump_json())
    gate_page.print_gate(result, output.console)
    files += write.write_or_warn(result, folder)
    output.log(f"in {folder}: {', '.join([archive.RESULT_FILE, *(file.name for file in files)])}")


def _write_files(result: Result, formats: Sequence[str], folder: Path) -> list[Path]:
    """Write the summary and the exports; failures are printed and do not change the verdict."""
    text = gate_page.render(result)
    files = write.attempt(
        f"no {archive.SUMMARY_FILE}", lambda: archive.save_texts({archive.SUMMARY_FILE: text}, folder)
    )
    for name in formats:
        remedy = f"Then: bench.py report {folder} --format {name}"
        files += write.attempt(f"no {name}", partial(write.exports, result, [name], folder), remedy)
    if step := os.environ.get(_STEP_SUMMARY):
        write.attempt("no step summary", partial(_append, Path(step), text))
    return files


def _append(file: Path, text: str) -> list[Path]:
    try:
        with file.open("a", encoding="utf-8") as summary_file:
            summary_file.write(text)
    except OSError as error:
        raise disk.failure(error, file) from error
    return [file]


def _failure(result: Result, request: CheckRequest) -> BenchError | None:
    """Return the error that ends the command; None if the gate passes."""
    headline = summary.headline(result)
    if not result.valid:
        return InvalidMeasurementError(f"{headline} {'; '.join(validity.reasons(result))}")
    verdict = summary.verdict(result)
    if verdict == "regression":
        return RegressionError(headline)
    if verdict == "inconclusive" and not request.pass_inconclusive:
        return InconclusiveError(
            f"{headline} {_remedy(request)}, or accept inconclusive verdicts with --on-inconclusive pass."
        )
    return None


def _remedy(request: CheckRequest) -> str:
    """Return a remedy for an inconclusive verdict."""
    if request.baseline is not None and request.tolerance < _BASELINE_TOLERANCE:
        return (
            f"Runs at different times differ by more: use --tolerance {_BASELINE_TOLERANCE}, or compare with"
            " a revision (--against)"
        )
    return "Use a longer --limit or more instances in the suite"
