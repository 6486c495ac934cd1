"""`python -m browserlab` from the outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from browserlab import experiments, sites
from tests import browser, forks
from tests.sandbox import ROOT


def lab(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return forks.run(
        "browserlab", arguments, folder=ROOT, environment=os.environ | environment, patience_s=100
    )


def test_it_lists_its_experiments_and_their_servers() -> None:
    """For people, and for the program that starts the servers."""
    about = json.loads(lab("--list", "--json").stdout)
    assert list(about) == experiments.names()
    assert about["crossing"]["servers"] == {"cookie": "cookie", "token": "token"}
    assert about["wait"]["servers"]["cookie-again"] == "cookie"
    assert all(row["arguments"] == list(sites.ARGUMENTS) for row in about.values())
    listed = lab("--list").stdout
    assert all(name in listed for name in about)
    assert "--behind-tls" in listed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name an experiment: crossing"),
        (["crossing", "--server", "cookie=1"], "--server is missing for token, each started with"),
        (["crossing", "--server", "cookie"], "a server is given as SCHEME=PORT"),
        (["nonsense"], "invalid choice"),
    ],
)
def test_what_it_cannot_do_is_told(arguments: list[str], says: str) -> None:
    """In a sentence."""
    done = lab(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_browser_it_says_how_to_get_one() -> None:
    """To people, and to programs as JSON; exit code 3."""
    servers = [word for name in ("cookie", "token") for word in ("--server", f"{name}=1")]
    done = lab("crossing", *servers, "--json", CHROMIUM="/nonexistent")
    assert done.returncode == 3
    assert "`make browser` installs one" in json.loads(done.stdout)["missing"]
    assert "`make browser` installs one" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_the_browser_is_can_be_asked() -> None:
    """To programs that there is none is an answer; to people it is a failure that says what to do."""
    there = lab("--browser", "--json", CHROMIUM=sys.executable)
    assert json.loads(there.stdout) == {"path": sys.executable}
    missing = lab("--browser", "--json", CHROMIUM="/nonexistent")
    assert missing.returncode == 0
    assert "`make browser` installs one" in json.loads(missing.stdout)["missing"]
    told = lab("--browser", CHROMIUM="/nonexistent")
    assert (told.returncode, told.stdout) == (3, "")
    assert "`make browser` installs one" in told.stderr


def test_a_server_that_is_not_there_is_told() -> None:
    """In a sentence, exit code 3."""
    browser.require()
    servers = [word for name in experiments.load("injection").SCHEMES for word in ("--server", f"{name}=1")]
    done = lab("injection", *servers)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
