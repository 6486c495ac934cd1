"""`bench.py run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from harness.cli import options, output
from harness.errors import SuiteError

#: Seconds within which a run that goes on until decided must end.
_LIMIT_S: Final = 900
#: Locust's port, on this machine alone (`harness.load.remote.DEFAULT_BIND`).
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
            help="Measure up to three batches of fresh server processes, until every verdict is reached;"
            " exit code 11 if one is not.",
        ),
    ] = False,
    limit: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help=f"With --until-decided: start no batch that would end later. [default: {_LIMIT_S}]",
        ),
    ] = None,
    seed: options.Seed = None,
    loop: options.Loop = options.EventLoop.UVLOOP,
    redis_url: options.RedisUrl = None,
    processes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Load processes, each on a CPU of its own.")
    ] = 1,
    expect_workers: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Have N workers on other machines generate the load: prints the command that starts one,"
            " and waits for them.",
        ),
    ] = 0,
    workers_bind: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="With --expect-workers: this machine's address, for the run and for its servers.",
        ),
    ] = _WORKERS_BIND,
    expect_workers_max_wait: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="With --expect-workers: how long to wait for them."),
    ] = 600,
    load_other_machines: options.LoadOtherMachines = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and exit.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Run a suite; write result.json, charts and a report.

    `quick` takes about 80 seconds. For example `bench.py run`, or `bench.py run quick --schemes
    cookie,token-denylist --seconds 10`.
    """
    from harness.measure.options import Options
    from harness.studies.benchmark.run import measure
    from harness.suites.adjust import SuiteChanges

    if limit is not None and not until_decided:
        raise SuiteError("--limit belongs to --until-decided: without it a run measures one batch.")
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
            until_decided_s=(limit or _LIMIT_S) if until_decided else None,
            may_load_others=load_other_machines,
        ),
        output.console(as_json=as_json, quiet=quiet),
        dry_run=dry_run,
        print_json=as_json,
        wait=wait,
    )
