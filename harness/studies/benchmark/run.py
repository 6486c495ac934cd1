"""Implementation of the command `run`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.analysis.stats.sequential import LOOKS, undecided
from harness.errors import InconclusiveError, InvalidMeasurementError
from harness.load.remote import RemoteWorkers, parse_bind
from harness.measure import preflight, run_folder
from harness.measure.options import Options
from harness.measure.run import Run
from harness.report import console as report
from harness.report import write
from harness.report.content import model
from harness.results import archive
from harness.results.model import Result
from harness.studies.benchmark.plan import print_plan
from harness.suites import catalog
from harness.suites.adjust import SuiteChanges
from harness.suites.arms import arms_of_schemes
from harness.suites.forecast import forecast
from harness.system.output import Output
from harness.testbed import external
from harness.testbed.revisions import worktrees


def measure(
    suite_name: str, changes: SuiteChanges, options: Options, output: Output, *, dry_run: bool, wait: bool
) -> None:
    """Run a suite, save its result, and write its report.

    Args:
        suite_name: Name of a suite, or path of its file.
        changes: Changes of the suite by the command line.
        options: Options of the measurement.
        output: Output for progress and the report, and for the result file if JSON was requested.
        dry_run: Whether to print the plan only.
        wait: Whether to queue behind another run.

    Raises:
        BenchError: The run failed, by kind; finished parts are in the folder of the run.
    """
    folder, until_decided_s = options.out, options.until_decided_s
    suite = catalog.load_suite(suite_name)
    tree = worktrees.working_tree(suite.servers, Path.cwd(), output.log)
    known = preflight.SuiteValidator(suite_name, catalog.scenarios())
    schemes = arms_of_schemes(catalog.schemes(tree).values(), tree)
    suite = changes.applied(suite, suite_name, schemes)
    arms = schemes | external.arms(suite, known.asked(suite))
    known.check(suite, {name: arm.scheme for name, arm in arms.items()})
    external.check(suite, suite_name, may_load_others=options.may_load_others)
    external.check_store(suite, suite_name, options.redis_url)
    external.check_meters(suite, suite_name, options.redis_url)
    suite, checks = known.fitted(suite)
    suite, left_out = preflight.without_missing_tls(suite, suite_name)
    checks += left_out
    preflight.check_store(suite, known.incidents, options.redis_url)
    if options.expect_workers:
        preflight.check_workers(suite, options, known.incidents)
    else:
        preflight.check_processes(suite, options.processes, known.incidents)
    if dry_run:
        print_plan(suite, known.incidents, output, options, checks)
        return
    will = forecast(suite, 1 if until_decided_s is None else LOOKS)
    with run_folder.run_folder(folder, will, wait=wait, log=output.log):
        output.log(f"{suite.title}; results in {folder}")
        for check in checks:
            output.log(f"{check.check}: {check.detail}")
        with _workers(options, output.log) as workers:
            incidents, needs_credential = known.incidents, known.needs_credential
            run = Run(suite, options, needs_credential, incidents=incidents, checks=checks, workers=workers)
            result = run.run(arms, output.console)
        archive.save(result, folder)
        output.json(result.model_dump_json())
        report.render(model.report(result), output.console)
        charts = _draw(result, folder)
        pages = [file.name for file in write.write_or_warn(result, folder)]
        output.log(f"{', '.join([charts, *pages])} and result.json are in {folder}")
    if not result.valid:
        raise InvalidMeasurementError("the measurement is invalid; see the checks above.")
    if until_decided_s is not None and (open_questions := undecided(result.comparisons)):
        longer = " a longer --limit, or" if result.run.batches < result.run.looks else ""
        raise InconclusiveError(
            f"{len(open_questions)} verdict(s) not reached in {result.run.batches} interim analyses."
            f" Use{longer} more instances in the suite."
        )
    output.log("exit code 0")


@contextmanager
def _workers(options: Options, log: Callable[[str], None]) -> Iterator[RemoteWorkers | None]:
    """Yield the connected load workers; None if this run starts its load processes itself."""
    if not options.expect_workers:
        yield None
        return
    with RemoteWorkers(options.expect_workers, parse_bind(options.workers_bind)) as workers:
        workers.gather(options.workers_wait_s, log)
        yield workers


def _draw(result: Result, folder: Path) -> str:
    """Draw the charts and return a summary, also of a failure: the result does not depend on charts."""
    from harness.report.charts.parts.draw import draw_all

    try:
        return f"{len(draw_all(result, folder))} charts"
    except Exception as error:  # noqa: BLE001 - the result and its exit code must survive any failure here
        return f"no charts, or not all ({write.reason(error)} Then: bench.py report --charts-only {folder})"
