"""Experiments in a real browser: runs `python -m browserlab` on servers of the lab and checks its output."""

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

#: Time limit of an experiment of a claim, for a slow machine.
_TIMEOUT_S: Final = 600


class NoBrowserError(Exception):
    """There is no browser on this machine; the message explains how to get one."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Crossing(_Row):
    """Calls from a page of an origin; `browserlab.experiments.crossing` documents the fields."""

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
        """Return the number of all preflights."""
        return self.login_preflights + self.read_preflights + self.write_preflights


class Forgery(_Row):
    """A write forged by another site's page; `browserlab.experiments.forgery` documents the fields."""

    scheme: str
    as_it_comes: bool
    same_site: str
    proof: bool
    attack: str
    carried_out: bool


class Injection(_Row):
    """A script injected into the client; `browserlab.experiments.injection` documents the fields."""

    kept: str
    policy: bool
    ran: bool
    acted: bool
    in_reach: bool
    stolen: bool


Row = TypeVar("Row", bound=BaseModel)


def require() -> None:
    """Check that there is a browser, before servers are started for it.

    Raises:
        NoBrowserError: There is no browser.
    """
    answer = json.loads(processes.run_module("browserlab", ["--browser", "--json"]))
    if "missing" in answer:
        raise NoBrowserError(answer["missing"])


@dataclass(frozen=True)
class BrowserRun(Generic[Row]):
    """Result of an experiment.

    Attributes:
        browser: Version of Chromium.
        rows: Rows of the experiment.
    """

    browser: str
    rows: list[Row]


def run_experiment(
    lab: Lab, experiment: str, kind: type[Row], timeout_s: float = _TIMEOUT_S, **options: int
) -> BrowserRun[Row]:
    """Run an experiment on servers of the lab.

    Args:
        lab: Lab with the servers.
        experiment: Name of the experiment.
        kind: Model of its rows.
        timeout_s: Seconds to wait for its end.
        options: Additional options of the experiment.

    Raises:
        NoBrowserError: There is no browser.
        EnvironmentFailedError: The experiment failed, or its output is not a result.
    """
    about = json.loads(processes.run_module("browserlab", ["--list", "--json"]))[experiment]
    servers = [
        f"{name}={lab.port(scheme, about['arguments'], name)}" for name, scheme in about["servers"].items()
    ]
    arguments = [("--server", server) for server in servers]
    arguments += [(f"--{name}", str(value)) for name, value in options.items()]
    output = _output([experiment, "--json", *(word for pair in arguments for word in pair)], timeout_s)
    try:
        answer = json.loads(output)
        rows = [kind.model_validate(row) for row in answer["rows"]]
        return BrowserRun(str(answer["browser"]), rows)
    except (ValueError, TypeError, KeyError) as error:
        raise EnvironmentFailedError(
            f"the output of python -m browserlab {experiment} is not a result: {str(error).splitlines()[0]}"
        ) from error


def _output(arguments: Sequence[str], timeout_s: float) -> str:
    """Run the program, remove its temporary files and the browser's, and return its standard output."""
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
        output = process.communicate(timeout=timeout_s)[0].decode()
        if process.returncode == 0:
            return output
        if output:
            raise NoBrowserError(json.loads(output)["missing"])
        raise EnvironmentFailedError(f"python -m browserlab failed: {processes.log_end(log)}")
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailedError(
            f"python -m browserlab did not end within {timeout_s:.0f} s: {processes.log_end(log)}"
        ) from error
    finally:
        with signals.deferred():
            processes.terminate([] if process is None else [process])
            shutil.rmtree(folder, ignore_errors=True)
            if owner is not None:
                owner.release()
