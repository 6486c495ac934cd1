"""The command line: `python -m browserlab EXPERIMENT --server SCHEME=PORT ...`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from aiohttp import ClientError
from playwright.async_api import Error as BrowserFailedError

from browserlab import chromium, experiments, sites
from browserlab.session import UnexpectedError, scheme_of

_CANNOT_START: Final = 3
_INTERRUPTED: Final = 130


def main() -> None:
    """Make one experiment, or list them; errors are one sentence and an exit code."""
    parser = _parser()
    options = parser.parse_args()
    if options.list:
        print(json.dumps(_about()) if options.json else _listed())
        return
    if options.browser:
        _tell_browser(as_json=options.json)
        return
    if options.experiment is None:
        parser.error(f"name an experiment: {', '.join(experiments.names())}")
    servers = dict(options.server)
    experiment = experiments.load(options.experiment)
    missing = [name for name in experiment.SCHEMES if name not in servers]
    if missing:
        told = " ".join(sites.ARGUMENTS)
        parser.error(f"--server is missing for {', '.join(missing)}, each started with {told}")
    try:
        version, rows = asyncio.run(_until_told(experiment, servers, options))
    except chromium.NoBrowserError as error:
        if options.json:
            print(json.dumps({"missing": str(error)}))
        print(error, file=sys.stderr)
        sys.exit(_CANNOT_START)
    except (UnexpectedError, ClientError, BrowserFailedError) as error:
        print(str(error).partition("\n")[0], file=sys.stderr)
        sys.exit(_CANNOT_START)
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    told_rows = [asdict(row) for row in rows]
    if options.json:
        print(json.dumps({"browser": version, "rows": told_rows}))
    else:
        print(f"Chromium {version}", *map(_line, told_rows), sep="\n")


def _tell_browser(*, as_json: bool) -> None:
    """Say where the browser is; that there is none is an answer to a program, and a failure to a person."""
    try:
        path = chromium.find()
    except chromium.NoBrowserError as error:
        if not as_json:
            print(error, file=sys.stderr)
            sys.exit(_CANNOT_START)
        print(json.dumps({"missing": str(error)}))
    else:
        print(json.dumps({"path": path}) if as_json else path)


async def _until_told(
    experiment: experiments.Experiment, servers: Mapping[str, int], options: argparse.Namespace
) -> tuple[str, Sequence[Any]]:
    """Make an experiment; SIGTERM ends it through every clean-up."""
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):  # where the system has no signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await experiment.run(servers, **{name: getattr(options, name) for name in experiment.OPTIONS})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m browserlab",
        description="Make an experiment in a real Chromium, on servers that are running on this machine.",
        epilog="The names of pages and API lie on this machine, by TLS with a certificate of this run. "
        "`bench.py study claims 3 6 23` starts the servers and judges what is found.",
    )
    add = parser.add_argument
    add("experiment", nargs="?", choices=experiments.names(), help="which one; --list says what each is")
    add("--list", action="store_true", help="list the experiments and the servers they need, and end")
    add("--browser", action="store_true", help="say where the Chromium is that is used, and end")
    add("--json", action="store_true", help="say it in one line of JSON")
    add(
        "--server",
        type=_server,
        action="append",
        default=[],
        metavar="SCHEME=PORT",
        help="where the server of a scheme listens on 127.0.0.1; may be given again. cookie-again is a second"
        " one of cookie",
    )
    add("--rounds", type=int, default=10, metavar="N", help="how often `wait` tries each case (%(default)s)")
    add("--seed", type=int, default=1, metavar="N", help="of the order in which it does (%(default)s)")
    return parser


def _server(text: str) -> tuple[str, int]:
    scheme, _, port = text.partition("=")
    if not scheme or not port.isdecimal():
        raise argparse.ArgumentTypeError("a server is given as SCHEME=PORT")
    return scheme, int(port)


def _about() -> dict[str, dict[str, Any]]:
    """What there is: for each experiment its title, its servers by name, and what these are to be told."""
    return {
        name: {
            "title": experiments.load(name).TITLE,
            "servers": {server: scheme_of(server) for server in experiments.load(name).SCHEMES},
            "arguments": list(sites.ARGUMENTS),
        }
        for name in experiments.names()
    }


def _listed() -> str:
    rows = [f"{name}: {row['title']} ({', '.join(row['servers'])})" for name, row in _about().items()]
    return "\n".join([*rows, f"Each server is to be started with {' '.join(sites.ARGUMENTS)}"])


def _line(row: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


if __name__ == "__main__":
    main()
