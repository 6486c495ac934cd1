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
    """Run an experiment or list all; errors are a message of one line and an exit code."""
    parser = _parser()
    options = parser.parse_args()
    if options.list:
        print(json.dumps(_catalogue()) if options.json else _listing())
        return
    try:
        if options.browser:
            path = chromium.find()
            print(json.dumps({"path": path}) if options.json else path)
        else:
            _experiment(parser, options)
    except chromium.NoBrowserError as error:
        if options.json:
            print(json.dumps({"missing": str(error)}))
        if not (options.json and options.browser):  # to a program that asks for it, this is an answer
            print(error, file=sys.stderr)
            sys.exit(_CANNOT_START)
    except (UnexpectedError, ClientError, BrowserFailedError) as error:
        print(str(error).partition("\n")[0], file=sys.stderr)
        sys.exit(_CANNOT_START)
    except (asyncio.CancelledError, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)


def _experiment(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.experiment is None:
        parser.error(f"name an experiment: {', '.join(experiments.names())}")
    servers = dict(options.server)
    experiment = experiments.load(options.experiment)
    if missing := [name for name in experiment.SCHEMES if name not in servers]:
        arguments = " ".join(sites.ARGUMENTS)
        parser.error(f"--server is missing for {', '.join(missing)}, each started with {arguments}")
    version, rows = asyncio.run(_run(experiment, servers, options))
    as_dicts = [asdict(row) for row in rows]
    if options.json:
        print(json.dumps({"browser": version, "rows": as_dicts}))
    else:
        lines = (", ".join(f"{name} {value}" for name, value in row.items()) for row in as_dicts)
        print(f"Chromium {version}", *lines, sep="\n")


async def _run(
    experiment: experiments.Experiment, servers: Mapping[str, int], options: argparse.Namespace
) -> tuple[str, Sequence[Any]]:
    """Run an experiment; SIGTERM cancels it, with all clean-up."""
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):  # on systems without signal handlers
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await experiment.run(servers, **{name: getattr(options, name) for name in experiment.OPTIONS})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m browserlab",
        description="Run an experiment in a real Chromium, with servers that run on this machine.",
        epilog="All host names of pages and API are on this machine, by TLS with a certificate of this run. "
        "`bench.py study claims 3 6 23` starts the servers and gives verdicts on the results.",
    )
    add = parser.add_argument
    add("experiment", nargs="?", choices=experiments.names(), help="name of an experiment; --list lists them")
    add("--list", action="store_true", help="list the experiments and the servers they need, and exit")
    add("--browser", action="store_true", help="print the path of the Chromium that is used, and exit")
    add("--json", action="store_true", help="print a line of JSON")
    add(
        "--server",
        type=_server,
        action="append",
        default=[],
        metavar="SCHEME=PORT",
        help="port on 127.0.0.1 of the server of a scheme; repeatable. cookie-again is a second server of"
        " cookie",
    )
    add("--rounds", type=int, default=10, metavar="N", help="clicks of `wait` per case (%(default)s)")
    add("--seed", type=int, default=1, metavar="N", help="seed of the order of its cases (%(default)s)")
    return parser


def _server(text: str) -> tuple[str, int]:
    scheme, _, port = text.partition("=")
    if not scheme or not port.isdecimal():
        raise argparse.ArgumentTypeError("a server is given as SCHEME=PORT")
    return scheme, int(port)


def _catalogue() -> dict[str, dict[str, Any]]:
    """Return each experiment's title, its servers by name, and the arguments to start them with."""
    loaded = {name: experiments.load(name) for name in experiments.names()}
    return {
        name: {
            "title": experiment.TITLE,
            "servers": {server: scheme_of(server) for server in experiment.SCHEMES},
            "arguments": list(sites.ARGUMENTS),
        }
        for name, experiment in loaded.items()
    }


def _listing() -> str:
    rows = [f"{name}: {row['title']} ({', '.join(row['servers'])})" for name, row in _catalogue().items()]
    return "\n".join([*rows, f"Start each server with {' '.join(sites.ARGUMENTS)}"])


if __name__ == "__main__":
    main()
