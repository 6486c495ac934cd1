"""Experiments in a real browser: runs `python -m browserlab` on servers of the lab and checks its output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from harness.errors import EnvironmentFailedError
from harness.results.base import Model
from harness.results.claims import Outcome
from harness.system import processes
from harness.system.temp_folders import temp_folder

if TYPE_CHECKING:
    from harness.studies.lab import Lab

#: Time limit of an experiment of a claim, for a slow machine.
_TIMEOUT_S: Final = 600


class NoBrowserError(EnvironmentFailedError):
    """There is no browser on this machine; the message explains how to get one."""


class Crossing(Model):
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


class Forgery(Model):
    """A write forged by another site's page; `browserlab.experiments.forgery` documents the fields."""

    scheme: str
    as_it_comes: bool
    same_site: str
    proof: bool
    attack: str
    carried_out: bool


class Injection(Model):
    """A script injected into the client; `browserlab.experiments.injection` documents the fields."""

    kept: str
    policy: bool
    ran: bool
    acted: bool
    in_reach: bool
    stolen: bool


Row = TypeVar("Row", bound=Model)


def require() -> None:
    """Check that there is a browser, before servers are started for it.

    Raises:
        NoBrowserError: There is no browser.
    """
    answer = json.loads(processes.run_module("browserlab", ["--browser", "--json"]))
    if "missing" in answer:
        raise NoBrowserError(answer["missing"])


def run_experiment(
    lab: Lab, experiment: str, kind: type[Row], timeout_s: float = _TIMEOUT_S, **options: int
) -> tuple[str, list[Row]]:
    """Run an experiment on servers of the lab; return the version of Chromium, and its rows.

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
    arguments = [experiment, "--json"]
    for name, scheme in about["servers"].items():
        arguments += ["--server", f"{name}={lab.port(scheme, about['arguments'], name)}"]
    for name, value in options.items():
        arguments += [f"--{name}", str(value)]
    output = _output(arguments, timeout_s)
    try:
        answer = json.loads(output)
        rows = [kind.model_validate(row) for row in answer["rows"]]
        return str(answer["browser"]), rows
    except (ValueError, TypeError, KeyError) as error:
        raise EnvironmentFailedError(
            f"the output of python -m browserlab {experiment} is not a result: {str(error).splitlines()[0]}"
        ) from error


def browser_experiment(
    experiment: str, kind: type[Row], judge: Callable[[Sequence[Row]], Outcome]
) -> Callable[[Lab], Outcome]:
    """Return the function that tests a claim in a browser.

    Args:
        experiment: Name of the experiment.
        kind: Model of its rows.
        judge: Function from the rows to the outcome.
    """

    def run(lab: Lab) -> Outcome:
        try:
            require()
            browser, rows = run_experiment(lab, experiment, kind)
        except NoBrowserError as error:
            return Outcome(verdict="not run", because=str(error), figures=[])
        return judge(rows).model_copy(update={"browser": browser})

    return run


def _output(arguments: Sequence[str], timeout_s: float) -> str:
    """Run the program, remove its temporary files and the browser's, and return its standard output."""
    with temp_folder() as folder:
        log, environment = folder / "browserlab.log", {"TMPDIR": str(folder)}
        with processes.running("browserlab", arguments, log=log, environment=environment) as process:
            try:
                output = process.communicate(timeout=timeout_s)[0].decode()
            except subprocess.TimeoutExpired as error:
                raise EnvironmentFailedError(
                    f"python -m browserlab did not end within {timeout_s:.0f} s: {processes.log_end(log)}"
                ) from error
            if process.returncode == 0:
                return output
            if output:
                raise NoBrowserError(json.loads(output)["missing"])
            raise EnvironmentFailedError(f"python -m browserlab failed: {processes.log_end(log)}")
