"""Options that several commands share, each written once."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

#: Ends the help of every option that may be given more than once.
REPEAT: Final = "Repeat for several."
#: Begins the name of every environment variable that stands for an option; short, since help prints it.
_ENVIRONMENT: Final = "CVT_"


class EventLoop(StrEnum):
    """The event loops that servers can run on."""

    UVLOOP = "uvloop"
    ASYNCIO = "asyncio"


def envvar(option: str) -> str:
    """Return the environment variable that stands for an option such as `--against`."""
    return _ENVIRONMENT + option.removeprefix("--").upper().replace("-", "_")


Suite = Annotated[
    str, typer.Argument(metavar="SUITE", help="A suite's name (`bench.py list suites`) or a TOML file.")
]
Results = Annotated[
    Path,
    typer.Option(
        "--results", metavar="FOLDER", envvar=envvar("--results"), help="Folder that holds the runs."
    ),
]
RunFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", help="Folder of this run. [default: a new one in --results]"),
]
OutFolder = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", help="Folder for the files. [default: the run's own]"),
]
Schemes = Annotated[
    str | None,
    typer.Option(
        "--schemes",
        metavar="NAMES",
        help="Only these arms of the suite, separated by commas; schemes that it does not name are added.",
    ),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="N", min=1, help="Measuring time of each scenario.")
]
Instances = Annotated[
    int | None,
    typer.Option("--instances", metavar="N", min=1, max=64, help="Server processes of each scheme."),
]
Users = Annotated[
    int | None,
    typer.Option("--users", metavar="N", min=1, max=1000, help="Virtual users of each scenario."),
]
Formats = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="NAME", help=f"An export (`bench.py list formats`). {REPEAT}"),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="Seed of the random order. [default: drawn, and recorded]")
]
Loop = Annotated[EventLoop, typer.Option(help="Event loop of the servers.")]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="REDIS_URL",
        help="A Redis or Valkey of your own (docs/stores.md); only keys with this run's prefix are touched."
        " [default: an embedded Valkey]",
    ),
]
LoadOtherMachines = Annotated[
    bool,
    typer.Option(
        "--load-other-machines", help="Allow addresses that are not this machine's. They must be yours."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to standard output, the rest to the other.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only (and JSON with --json).")]
Wait = Annotated[bool, typer.Option("--wait", help="Queue behind another run on this machine.")]


def names(text: str | None) -> list[str]:
    """Return the names that an option lists, separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def new_folder(results: Path, name: str) -> Path:
    """Return the path of a new folder for a run: the time, and the name of what is measured."""
    return results / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{Path(name).stem}"
