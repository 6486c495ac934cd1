"""`bench.py verify server`."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli import options, output


def command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A scheme (`bench.py list schemes`), an address such as http://127.0.0.1:3000, or a suite"
            " with servers of your own.",
        ),
    ],
    schemes: Annotated[
        str | None,
        typer.Option(
            "--schemes",
            metavar="NAMES",
            help="Only these of the suite's own servers, separated by commas. [default: all]",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail on recommendations, too, not only on requirements.")
    ] = False,
    load_other_machines: options.LoadOtherMachines = False,
    redis_url: options.RedisUrl = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Check line by line whether a server implements the API contract (exit code 14 if not).

    It logs in, writes, changes a password, blocks an account and guesses passwords: never run it against a
    server with real accounts.
    """
    from harness.testbed.contract.run import ContractRequest, conform

    asked = ContractRequest(target, options.names(schemes), strict, load_other_machines, redis_url)
    conform(asked, output.console(as_json=as_json, quiet=quiet), print_json=as_json)
