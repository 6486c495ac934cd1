"""Options that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from harness.system.output import Output

#: Ends the help of every option that may be given more than once.
REPEAT: Final = "Repeat for several."
#: Prefix of the environment variables for options; short, since help prints it.
_ENVIRONMENT: Final = "CVT_"
#: Default of `--limit`, in seconds.
LIMIT_S: Final = 900


class EventLoop(StrEnum):
    """Event loops of the servers."""

    UVLOOP = "uvloop"
    ASYNCIO = "asyncio"


def envvar(option: str) -> str:
    """Return the environment variable for an option such as `--against`."""
    return _ENVIRONMENT + option.removeprefix("--").upper().replace("-", "_")


def settable(option: str, metavar: str | None, text: str, **limits: Any) -> Any:
    """Declare an option that can also be set by its environment variable."""
    return typer.Option(option, metavar=metavar, envvar=envvar(option), help=text, **limits)


def out(text: str) -> Any:
    """Declare the option `--out`."""
    return typer.Option("--out", metavar="FOLDER", help=text)


Suite = Annotated[
    str, typer.Argument(metavar="SUITE", help="Name of a suite (`bench.py list suites`) or a TOML file.")
]
Results = Annotated[Path, settable("--results", "FOLDER", "Folder with the runs.")]
RunFolder = Annotated[Path | None, out("Folder of this run. [default: a new one in --results]")]
Schemes = Annotated[
    str | None,
    typer.Option(
        "--schemes",
        metavar="NAMES",
        help="Only these schemes, separated by commas; those that the suite does not name are added.",
    ),
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="N", min=1, help="Measuring time per scenario.")
]
Instances = Annotated[
    int | None,
    typer.Option("--instances", metavar="N", min=1, max=64, help="Server processes per scheme."),
]
Users = Annotated[
    int | None,
    typer.Option("--users", metavar="N", min=1, max=1000, help="Virtual users per scenario."),
]
Formats = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="NAME", help=f"Export format (`bench.py list formats`). {REPEAT}"),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="Seed of the random order. [default: random, recorded]")
]
Loop = Annotated[EventLoop, typer.Option(help="Event loop of the servers.")]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="REDIS_URL",
        help="External Redis or Valkey (docs/stores.md); only keys with this run's prefix are written."
        " [default: embedded Valkey]",
    ),
]
LoadOtherMachines = Annotated[
    bool,
    typer.Option("--load-other-machines", help="Allow load on other machines. They must be yours."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; other output goes to standard error.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only (and JSON with --json).")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run on this machine to end.")]

#: Returns the output of a command for `--json` and `--quiet`.
output = Output.of


def names(text: str | None) -> list[str]:
    """Return the comma-separated names in an option."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def new_folder(results: Path, name: str) -> Path:
    """Return the path of a new folder for a run: the time and the name of the suite."""
    return results / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{Path(name).stem}"
