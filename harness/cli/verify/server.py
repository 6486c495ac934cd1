"""`bench.py verify server`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import options


def command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="Scheme (`bench.py list schemes`), address such as http://127.0.0.1:3000, or suite with"
            " external servers.",
        ),
    ],
    schemes: Annotated[
        str | None,
        typer.Option(
            "--schemes",
            metavar="NAMES",
            help="Only these external servers of the suite, separated by commas. [default: all]",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail also if recommendations are not met.")
    ] = False,
    load_other_machines: options.LoadOtherMachines = False,
    redis_url: options.RedisUrl = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Check whether a server implements the API contract, line by line (exit code 14 if not).

    The checks log in, write, change a password, block an account and guess passwords: never run them against
    a server with real accounts.
    """
    from harness.testbed.contract.run import conform

    conform(
        target,
        options.output(as_json=as_json, quiet=quiet),
        arms=options.names(schemes),
        strict=strict,
        may_load_others=load_other_machines,
        redis_url=redis_url,
    )
