"""Experiments in a real browser: `python -m browserlab` on servers of the lab; its answers are checked."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from harness.errors import EnvironmentFailedError
from harness.system import files, processes, signals, temp_folders

if TYPE_CHECKING:
    from harness.studies.lab import Lab

#: The longest experiment of those that are made once, on a slow machine.
_PATIENCE_S: Final = 600


class NoBrowserError(Exception):
    """There is no browser on this machine; the text says how to get one."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Crossing(_Row):
    """Calls from a page of some origin; `browserlab.experiments.crossing` says what each field is."""

    scheme: str
    origin: str
    cookie: str
    third_party_cookies: bool
    preflights_remembered: bool
    works: bool
    reads: int
    writes: int
    login_preflights: int
    read_preflights: int
    write_preflights: int

    @property
    def preflights(self) -> int:
        """All of them."""
        return self.login_preflights + self.read_preflights + self.write_preflights


class Forgery(_Row):
    """A write forged by another site's page; `browserlab.experiments.forgery` says what each field is."""

    scheme: str
    as_it_comes: bool
    same_site: str
    proof: bool
    attack: str
    carried_out: bool


class Injection(_Row):
    """A script injected into the client; `browserlab.experiments.injection` says what each field is."""

    kept: str
    policy: bool
    ran: bool
    acted: bool
    in_reach: bool
    stolen: bool


Row = TypeVar("Row", bound=BaseModel)


def require() -> None:
    """Find out whether there is a browser, before servers are started for it.

    Raises:
        NoBrowserError: There is none.
    """
    answer = json.loads(processes.run_module("browserlab", ["--browser", "--json"]))
    if "missing" in answer:
        raise NoBrowserError(answer["missing"])


@dataclass(frozen=True)
class BrowserRun(Generic[Row]):
    """What an experiment found.

    Attributes:
        browser: The version of the Chromium.
        rows: What it saw.
    """

    browser: str
    rows: list[Row]


def made(
    lab: Lab, experiment: str, kind: type[Row], patience_s: float = _PATIENCE_S, **options: int
) -> BrowserRun[Row]:
    """What an experiment finds on servers of the lab.

    Args:
        lab: Has the servers.
        experiment: Its name.
        kind: What its rows are.
        patience_s: Seconds after which it is taken to hang.
        options: What it is told besides.

    Raises:
        NoBrowserError: There is no browser.
        EnvironmentFailedError: It could not be made, or answered what is no result.
    """
    about = json.loads(processes.run_module("browserlab", ["--list", "--json"]))[experiment]
    servers = [
        f"{name}={lab.port(scheme, about['arguments'], name)}" for name, scheme in about["servers"].items()
    ]
    told = [("--server", server) for server in servers]
    told += [(f"--{name}", str(value)) for name, value in options.items()]
    said = _said([experiment, "--json", *(word for pair in told for word in pair)], patience_s)
    try:
        answer = json.loads(said)
        rows = [kind.model_validate(row) for row in answer["rows"]]
        return BrowserRun(str(answer["browser"]), rows)
    except (ValueError, TypeError, KeyError) as error:
        raise EnvironmentFailedError(
            f"python -m browserlab {experiment} answered what is no result: {str(error).splitlines()[0]}"
        ) from error


def _said(arguments: Sequence[str], patience_s: float) -> str:
    """What the program says; its temporary files, the browser's included, are gone afterwards."""
    try:
        with signals.deferred():
            folder, owner = temp_folders.make_folder()
    except OSError as error:
        raise files.failure(error, Path(tempfile.gettempdir(), temp_folders.PREFIX)) from error
    log = folder / "browserlab.log"
    process = None
    try:
        with signals.deferred():
            process = processes.start("browserlab", arguments, log=log, environment={"TMPDIR": str(folder)})
        said = process.communicate(timeout=patience_s)[0].decode()
        if process.returncode == 0:
            return said
        if said:
            raise NoBrowserError(json.loads(said)["missing"])
        raise EnvironmentFailedError(f"python -m browserlab failed: {processes.log_end(log)}")
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailedError(
            f"python -m browserlab did not end within {patience_s:.0f} s: {processes.log_end(log)}"
        ) from error
    finally:
        with signals.deferred():
            processes.terminate([] if process is None else [process])
            shutil.rmtree(folder, ignore_errors=True)
            if owner is not None:
                owner.release()
