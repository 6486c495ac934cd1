"""`bench.py run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from harness.cli import options
from harness.errors import SuiteError

#: Locust's port, on this machine only (`harness.load.remote.DEFAULT_BIND`).
_WORKERS_BIND: Final = "127.0.0.1:5557"


def command(
    suite: options.Suite = "quick",
    schemes: options.Schemes = None,
    seconds: options.Seconds = None,
    instances: options.Instances = None,
    users: options.Users = None,
    out: options.RunFolder = None,
    results: options.Results = Path("results"),
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Measure up to three batches of fresh server processes, until no verdict is inconclusive;"
            " otherwise exit code 11.",
        ),
    ] = False,
    limit: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="With --until-decided: time limit; do not start a batch that would end later."
            f" [default: {options.LIMIT_S}]",
        ),
    ] = None,
    seed: options.Seed = None,
    loop: options.Loop = options.EventLoop.UVLOOP,
    redis_url: options.RedisUrl = None,
    processes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Load generator processes, each on its own CPU.")
    ] = 1,
    expect_workers: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Generate the load with N workers on other machines: prints the command that starts one,"
            " and waits for them.",
        ),
    ] = 0,
    workers_bind: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="With --expect-workers: address of this machine, for the run and for its servers.",
        ),
    ] = _WORKERS_BIND,
    expect_workers_max_wait: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="With --expect-workers: maximum time to wait for them."),
    ] = 600,
    load_other_machines: options.LoadOtherMachines = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and exit.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Run a benchmark suite. Writes result.json, charts and a report.

    `quick` takes about 90 seconds. For example `bench.py run`, or `bench.py run quick --schemes
    cookie,token-denylist --seconds 10`.
    """
    from harness.measure.options import Options
    from harness.studies.benchmark.run import measure
    from harness.suites.adjust import SuiteChanges

    if limit is not None and not until_decided:
        raise SuiteError("--limit requires --until-decided: otherwise a run measures one batch.")
    measure(
        suite,
        SuiteChanges(options.names(schemes), seconds, instances, users),
        Options(
            out or options.new_folder(results, suite),
            seed=seed,
            loop=loop,
            redis_url=redis_url,
            processes=processes,
            expect_workers=expect_workers,
            workers_bind=workers_bind,
            workers_wait_s=expect_workers_max_wait,
            until_decided_s=(limit or options.LIMIT_S) if until_decided else None,
            may_load_others=load_other_machines,
        ),
        options.output(as_json=as_json, quiet=quiet),
        dry_run=dry_run,
        wait=wait,
    )
