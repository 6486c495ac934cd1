"""What the commands `run` and `serve` do, told to a console."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.analysis.stats.sequential import LOOKS, undecided
from harness.errors import InconclusiveError, InvalidMeasurementError, SuiteError
from harness.load.remote import Address, Workers
from harness.measure import preflight, run_folder
from harness.measure.incidents import admission
from harness.measure.progress import Reporter
from harness.measure.run import Measuring, Options
from harness.report import console as report
from harness.report import write
from harness.report.content import environment, model
from harness.results import archive
from harness.results.model import Check, Result
from harness.results.progress_file import ProgressFile
from harness.suites import catalog
from harness.suites.arms import plain
from harness.suites.forecast import Forecast, forecast
from harness.suites.model import Suite
from harness.system.cpus import place
from harness.system.processes import usable_cpus
from harness.testbed import external
from harness.testbed.launcher import Serving
from harness.testbed.revisions import worktrees
from harness.testbed.rig import Rig

#: Seconds between looks at whether all that was started is alive.
_LOOK_EVERY_S: Final = 0.5


def measure(
    suite_name: str, options: Options, console: Console, *, dry_run: bool, print_json: bool, wait: bool
) -> None:
    """Run a suite and tell what was found.

    Raises:
        BenchError: By kind; what was finished before is in the folder of the run.
    """
    folder, until_decided_s = options.out, options.until_decided_s
    suite = catalog.load_suite(suite_name)
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    tree = worktrees.working_tree(suite.servers, Path.cwd(), say)
    known = catalog.Known(suite_name, catalog.scenarios())
    schemes = plain(catalog.schemes(tree).values(), tree)
    arms = schemes | external.arms(suite, known.asked(suite))
    known.check(suite, {name: arm.scheme for name, arm in arms.items()})
    external.check(suite, suite_name, may_load_others=options.may_load_others)
    external.check_meters(suite, suite_name, options.redis_url)
    suite, checks = known.fitted(suite)
    catalog.check_loop(options.loop)
    admission.check_store(suite, known.incidents, options.redis_url)
    if options.expect_workers:
        preflight.check(suite, options, known.incidents)
    else:
        _check_processes(suite, options.processes, known.incidents)
    if dry_run:
        _tell_plan(suite, known.incidents, console, options, checks)
        return
    will = forecast(suite, 1 if until_decided_s is None else LOOKS)
    with run_folder.taken(folder, will, wait=wait, say=say):
        say(f"{suite.title}; results in {folder}")
        for check in checks:
            say(f"{check.check}: {check.detail}")
        with (
            _workers(options, say) as workers,
            Reporter(console, ProgressFile(folder, suite.name, suite.arms)) as reporter,
        ):
            result = Measuring(
                suite,
                options,
                known.needs_credential,
                incidents=known.incidents,
                checks=checks,
                workers=workers,
            ).run(arms, reporter)
        archive.save(result, folder)
        if print_json:
            sys.stdout.write(result.model_dump_json() + "\n")
            sys.stdout.flush()
        report.render(model.report(result), console)
        charts = _draw(result, folder)
        pages = [file.name for file in write.leave(result, folder)]
        say(f"{', '.join([charts, *pages])} and result.json are in {folder}")
    if not result.valid:
        raise InvalidMeasurementError("the measurement is invalid; the checks above say why.")
    if until_decided_s is not None and (open_questions := undecided(result.comparisons)):
        longer = " a longer --limit, or" if result.run.batches < result.run.looks else ""
        raise InconclusiveError(
            f"{len(open_questions)} verdict(s) not reached in {result.run.batches} look(s). Give it{longer}"
            " more instances in the suite."
        )
    console.print("exit code 0", highlight=False)


def serve(arms: list[str], port: int, loop: str, redis_url: str | None, console: Console) -> None:
    """Run one server of each arm until Ctrl-C, and print how to try them.

    Raises:
        SuiteError: A scheme that does not exist.
        EnvironmentFailedError: A port is taken, there is no store, or a server died.
    """
    schemes = catalog.schemes()
    catalog.check_loop(loop)
    for arm in arms:
        if arm not in schemes:
            raise SuiteError(f"{arm}: no such scheme; there are {', '.join(schemes)}.")
    with Rig(
        plain(schemes[arm] for arm in arms).values(),
        Serving(users=100, password_cost="owasp", loop=loop, port=port),  # noqa: S106 - a profile's name
        redis_url=redis_url,
    ) as rig:
        for instance in rig.instances:
            target = instance.target
            console.rule(f"{target.arm} at http://{target.host}:{target.port}")
            print(instance.ready["try_it"])
        print("Ctrl-C ends them.", flush=True)
        while True:
            rig.check_alive()
            time.sleep(_LOOK_EVERY_S)


@contextmanager
def _workers(options: Options, say: Callable[[str], None]) -> Iterator[Workers | None]:
    """The workers that make the load, gathered; None where processes of this run's own do."""
    if not options.expect_workers:
        yield None
        return
    with Workers(options.expect_workers, Address.parse(options.workers_bind)) as workers:
        workers.gather(options.workers_wait_s, say)
        yield workers


def _draw(result: Result, folder: Path) -> str:
    """Draw the charts as far as that is possible: what was measured does not depend on them."""
    from harness.report.charts import draw_all

    try:
        return f"{len(draw_all(result, folder))} charts"
    except Exception as error:  # noqa: BLE001 - what was measured, and its exit code, outlive any fault here
        return f"no charts, or not all ({write.reason(error)} Then: bench.py plot {folder})"


def _check_processes(suite: Suite, processes: int, incidents: Collection[str]) -> None:
    """Refuse more load processes than there are CPUs or users for."""
    users = min(scenario.load.users for scenario in suite.scenarios)
    if not 1 <= processes <= users:
        raise SuiteError(
            f"--processes: expected 1 to {users}, the fewest users of a scenario (got {processes})"
        )
    if processes > 1 and any(scenario.load.p99_ms for scenario in suite.scenarios):
        raise SuiteError("--processes: a search for capacity (p99_ms) is made by one load process.")
    if processes > 1 and any(scenario.name in incidents for scenario in suite.scenarios):
        raise SuiteError("--processes: an incident is driven by one load process.")
    try:
        place(usable_cpus(), processes, suite.processes_each)
    except ValueError as error:
        raise SuiteError(f"--processes: {error}.") from error


def _at_a_time(suite: Suite, will: Forecast) -> str:
    """How many server processes there are at a time."""
    if suite.processes_each == 1:
        return f"{will.server_processes} processes"
    return f"up to {suite.processes_each} processes behind a port, {will.server_processes} in all"


def _tell_plan(
    suite: Suite, incidents: Mapping[str, str], console: Console, options: Options, checks: Sequence[Check]
) -> None:
    will = forecast(suite)
    here = [arm for arm in suite.arms if arm not in suite.elsewhere]
    arms = [f"{arm} at {', '.join(addresses)}" for arm, addresses in suite.elsewhere.items()]
    if here:
        each = f"{suite.instances} instances of each ({_at_a_time(suite, will)})"
        arms.insert(0, f"{', '.join(here)}, {each}")
    placement = environment.roles_on_cpus(
        place(usable_cpus(), options.processes, suite.processes_each).roles()
    )
    lines = [
        f"suite {suite.name}: {suite.title}",
        f"  arms: {'; '.join(arms)}",
        *(
            f"  {name} is a server of somebody else's: {server.title} ({server.place})"
            for name, server in suite.own.items()
        ),
        *(f"  {check.check}: {check.detail}" for check in checks),
        *(
            f"  {s.label}: {incidents[s.name]}, all arms at once for {s.seconds:g} s; described, not judged"
            if s.name in incidents
            else f"  {s.label}: {s.slots} slots of {s.slot_ns / 1e6:g} ms; judged by {s.primary_metric}"
            + (f"; {', '.join(suite.arms_of([s]))} only" if s.arms else "")
            for s in suite.scenarios
        ),
        f"  CPUs: {placement}",
        f"  time: about {will.seconds:.0f} s, of which {will.measuring_s:.0f} s measuring",
        f"  memory: about {will.memory_bytes / 1e6:.0f} MB; disk: about {will.disk_bytes / 1e6:.0f} MB",
        f"  results: {options.out}",
    ]
    if options.expect_workers:
        lines.insert(
            -1, f"  load: from {options.expect_workers} worker(s), awaited at {options.workers_bind}"
        )
    if options.until_decided_s is not None:
        lines.insert(
            -1, f"  up to {LOOKS} times that, until all is decided, or {options.until_decided_s:.0f} s"
        )
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
