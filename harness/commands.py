"""What the commands `run` and `serve` do, told to a console."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from rich.console import Console

from harness import archive, catalog
from harness.errors import BenchError, InterruptedRunError, InvalidMeasurementError, SuiteError
from harness.forecast import forecast
from harness.placement import place
from harness.progress import Reporter
from harness.report import console as report
from harness.rig import Rig, usable_cpus
from harness.run import Measuring, Options
from harness.suite import Suite

_LOOPS = ("uvloop", "asyncio")


def measure(
    suite_name: str,
    folder: Path,
    console: Console,
    *,
    seed: int | None,
    loop: str,
    redis_url: str | None,
    processes: int,
    dry_run: bool,
    print_json: bool,
    command: list[str],
) -> None:
    """Run a suite and tell what was found.

    Raises:
        BenchError: By kind; what was finished before is in `folder`.
    """
    suite = catalog.load_suite(suite_name)
    schemes = catalog.schemes()
    scenarios = catalog.scenarios()
    catalog.check(suite, suite_name, schemes, scenarios)
    _check_loop(loop)
    _check_processes(suite, processes)
    if dry_run:
        _tell_plan(suite, folder, console, processes)
        return
    archive.prepare(folder)
    options = Options(
        folder, seed=seed, loop=loop, redis_url=redis_url, processes=processes, command=_redacted(command)
    )
    needs_credential = {name for name, about in scenarios.items() if about.needs_credential}
    console.print(f"{suite.title}; results in {folder}", highlight=False)
    try:
        with Reporter(console) as reporter:
            result = Measuring(suite, options, needs_credential).run(schemes, reporter)
    except BenchError as error:
        archive.set_exit_code(folder, error.exit_code)
        raise
    except KeyboardInterrupt:
        archive.set_exit_code(folder, InterruptedRunError.exit_code)
        raise
    archive.save(result, folder)
    from harness.charts import draw_all

    charts = draw_all(result, folder)
    if print_json:
        sys.stdout.write(result.model_dump_json() + "\n")
    report.render(result, console)
    console.print(f"{len(charts)} charts and result.json are in {folder}", highlight=False, soft_wrap=True)
    if not result.valid:
        raise InvalidMeasurementError("the measurement is invalid; the checks above say why.")
    console.print("exit code 0", highlight=False)


def serve(arms: list[str], port: int, loop: str, redis_url: str | None, console: Console) -> None:
    """Run one server of each arm until Ctrl-C, and print how to try them.

    Raises:
        SuiteError: A scheme that does not exist.
        EnvironmentFailedError: A port is taken, or there is no store.
    """
    schemes = catalog.schemes()
    _check_loop(loop)
    for arm in arms:
        if arm not in schemes:
            raise SuiteError(f"{arm}: no such scheme; there are {', '.join(schemes)}.")
    with Rig(
        [schemes[arm] for arm in arms],
        instances=1,
        users=100,
        password_cost="owasp",  # noqa: S106 - a profile's name
        loop=loop,
        placement=place(()),
        redis_url=redis_url,
        port=port,
    ) as rig:
        for instance in rig.instances:
            target = instance.target
            console.rule(f"{target.arm} at http://{target.host}:{target.port}")
            print(instance.ready["try_it"])
        print("Ctrl-C ends them.", flush=True)
        signal.pause()


def _check_loop(loop: str) -> None:
    if loop not in _LOOPS:
        raise SuiteError(f"--loop: expected one of {', '.join(_LOOPS)} (got {loop!r})")


def _check_processes(suite: Suite, processes: int) -> None:
    """Refuse more load processes than there are CPUs or users for."""
    users = min(scenario.load.users for scenario in suite.scenarios)
    if not 1 <= processes <= users:
        raise SuiteError(
            f"--processes: expected 1 to {users}, the fewest users of a scenario (got {processes})"
        )
    try:
        place(usable_cpus(), processes)
    except ValueError as error:
        raise SuiteError(f"--processes: {error}.") from error


def _tell_plan(suite: Suite, folder: Path, console: Console, processes: int) -> None:
    will = forecast(suite)
    count = suite.instances * len(suite.arms)
    placement = place(usable_cpus(), processes).roles()
    lines = [
        f"suite {suite.name}: {suite.title}",
        f"  arms: {', '.join(suite.arms)}, {suite.instances} instances of each ({count} processes)",
        *(
            f"  {s.label}: {s.slots} slots of {s.slot_ns / 1e6:g} ms; judged by {s.primary_metric}"
            for s in suite.scenarios
        ),
        f"  CPUs: {placement or 'not pinned'}",
        f"  time: about {will.seconds:.0f} s, of which {will.measuring_s:.0f} s measuring",
        f"  memory: about {will.memory_bytes / 1e6:.0f} MB; disk: about {will.disk_bytes / 1e6:.0f} MB",
        f"  results: {folder}",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _redacted(command: list[str]) -> list[str]:
    """The command line with the password of any URL taken out."""
    return [
        f"{w.partition('://')[0]}://…@{w.rpartition('@')[2]}" if "://" in w and "@" in w else w
        for w in command
    ]
