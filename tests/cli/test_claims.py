"""`bench.py study claims` from the outside: every verdict, twice the same; another claim by one file."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.results.archive import load
from tests import browser, noise
from tests.sandbox import ROOT, Sandbox

#: All claims, on a slow machine.
PATIENCE_S = 600

#: Claims that come out the same every time.
DEMONSTRATED = [3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 21, 22, 23, 24, 25, 26]

#: Those of them whose outcome hangs on when what happens, and that need no browser.
TIMED = [9, 14, 15, 16, 22, 24, 25, 26]

#: What a test can do without: steps of a sweep, and what none of the claims that it asks for is about.
NOT_NEEDED = re.compile(r'store_delay_ms = (0\.5|2\.0)|name = "(payload|population|journey)"')
SMALL = "instances = 2\nwarmup_requests = 50"

#: What is no estimate among the figures of measured claims.
COUNTED = ("shortest round trip measured", "latency of a read")

#: What comes of each on servers that keep their promises.
VERDICTS = dict.fromkeys(DEMONSTRATED, "supported") | {7: "refuted"}
#: Those that need a browser.
IN_A_BROWSER = (3, 6, 23)

MY_CLAIM = '''
"""A claim of my own."""

from harness.studies.claims.claim import Claim, ClaimFigure, decided


def run(lab):
    status = lab.logged_in("mine").read().status
    return decided(status == 200, "it is", [ClaimFigure(name="status", value=status)])


CLAIMS = (Claim(99, "mine works", "me", "demonstrated", "a read", "supported when it is 200", run),)
'''

MY_SCHEME = '''
"""A scheme of my own: everybody is let in who says their name."""

from servers.credentials.bearer_transport import BearerTransport
from servers.credentials.identity import Identity
from servers.credentials.scheme import SELF_CONTAINED, About, Scheme

ABOUT = About(title="Mine", transport="bearer", promises=SELF_CONTAINED)


class Mine(Scheme):
    async def identify(self, request):
        return Identity(*self._transport.read(request).split("|"))

    async def issue(self, request, response, identity):
        return self._transport.hand_out(response, "|".join(identity), 60, "")


def build(name, settings):
    return Mine(BearerTransport(settings.max_credential_bytes))
'''


def told(sandbox: Sandbox, *arguments: str) -> list[dict[str, Any]]:
    """What `bench.py study claims --json` says."""
    done = sandbox.run("study", "claims", "--json", *arguments, patience_s=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(2 * PATIENCE_S)
def test_every_demonstration_has_its_verdict_each_time_the_same(sandbox: Sandbox) -> None:
    """Figure by figure, where time could matter, in another folder; a third call tries nothing again."""
    first, second = (
        told(sandbox, *map(str, numbers), "--out", folder)
        for numbers, folder in ((DEMONSTRATED, "one"), (TIMED, "two"))
    )
    without = {} if browser.there_is_one() else dict.fromkeys(IN_A_BROWSER, "not run")
    assert {answer["number"]: answer["verdict"] for answer in first} == VERDICTS | without
    assert [answer for answer in first if answer["number"] in TIMED] == second
    before = (sandbox.folder / "one" / "claims.json").read_bytes()
    assert told(sandbox, "4", "9", "--out", "one") == first
    assert (sandbox.folder / "one" / "claims.json").read_bytes() == before
    assert "## 9. blacklisting" in (sandbox.folder / "one" / "claims.md").read_text()


@pytest.mark.slow
def test_without_a_browser_a_claim_is_not_run(sandbox: Sandbox) -> None:
    """It says how to get one; with one it is tried again, since it was not answered."""
    done = sandbox.run(
        "study", "claims", "3", "--json", "--out", "one", patience_s=PATIENCE_S, CHROMIUM="/nonexistent"
    )
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)
    assert (answer["verdict"], answer["figures"]) == ("not run", [])
    assert "CHROMIUM is /nonexistent, and there is no such file; `make browser`" in answer["because"]


@pytest.mark.slow
def test_ctrl_c_ends_the_browser_as_well(sandbox: Sandbox) -> None:
    """And its profile is removed."""
    browser.require()
    running = sandbox.start("study", "claims", "6", "--out", "one")
    sandbox.until(running, lambda: any("--host-resolver-rules" in line for line in sandbox.processes()))
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[0]
    assert running.returncode == 130, said
    sandbox.nothing_left()


@pytest.mark.slow
def test_the_browser_does_not_outlive_a_killed_command(sandbox: Sandbox) -> None:
    """SIGKILL, which nobody can handle: all processes end; their files are removed by the next command."""
    browser.require()
    running = sandbox.start("study", "claims", "6", "--out", "one")
    sandbox.until(running, lambda: any("--host-resolver-rules" in line for line in sandbox.processes()))
    running.kill()
    running.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while sandbox.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sandbox.processes() == []
    assert sandbox.run("study", "claims", "7", "--out", "two").returncode == 0


def test_an_unknown_claim(sandbox: Sandbox) -> None:
    """It is told at once, with those there are."""
    done = sandbox.ask("study", "claims", "99")
    assert done.returncode == 2
    assert "no such claim: 99" in done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree that a test may add to."""
    copied = tmp_path / "tree"
    copied.mkdir()
    for name in ("bench.py", "pyproject.toml"):
        shutil.copy(ROOT / name, copied)
    for name in ("harness", "loadtests", "servers"):
        shutil.copytree(ROOT / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copied


def bench(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a copy's command line."""
    command = [sys.executable, "bench.py", *arguments]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.slow
def test_a_scheme_and_a_claim_are_one_file_each(tree: Path) -> None:
    """In a copy of the tree one of each is added and nothing else touched: listed, served, answered."""
    (tree / "servers" / "schemes" / "mine.py").write_text(MY_SCHEME)
    (tree / "harness" / "studies" / "claims" / "families" / "mine.py").write_text(MY_CLAIM)
    done = bench(tree, "study", "claims", "99", "--json")
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)
    assert (answer["number"], answer["verdict"]) == (99, "supported")
    listed = subprocess.run(
        [sys.executable, "-m", "servers", "--list"], cwd=tree, capture_output=True, text=True, check=True
    )
    assert "mine" in listed.stdout


@pytest.mark.slow
def test_a_stopped_command_goes_on_where_it_was(sandbox: Sandbox) -> None:
    """Ctrl-C after an answer: it is kept, nothing runs on, and the next call has the rest to do."""
    first, second = 7, 8
    words = ("study", "claims", str(first), str(second), "--out", "claims")
    running = sandbox.start(*words)
    kept = sandbox.folder / "claims" / "claims.json"
    sandbox.until(running, kept.exists)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[0]
    assert running.returncode == 130, said
    sandbox.nothing_left()
    assert [answer["number"] for answer in json.loads(kept.read_text())["claims"]] == [first]
    again = sandbox.run(*words, patience_s=PATIENCE_S)
    assert again.returncode == 0, again.stderr
    assert "1 answers are in claims already; 1 to go" in again.stdout
    numbers = [answer["number"] for answer in json.loads(kept.read_text())["claims"]]
    assert numbers == [first, second]


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(2 * PATIENCE_S)
def test_what_is_measured_is_measured_once(tree: Path) -> None:
    """One run serves every claim about costs, of this call and the next; it is kept beside the answers."""
    suite = tree / "loadtests" / "suites" / "claims.toml"
    head, *scenarios = suite.read_text().split("[[scenarios]]")
    kept = [
        head.replace("instances = 8", SMALL),
        *(part for part in scenarios if not NOT_NEEDED.search(part)),
    ]
    short = re.sub(r"^seconds = \d+", "seconds = 3", "[[scenarios]]".join(kept), flags=re.MULTILINE)
    suite.write_text(short)
    result = tree / "results" / "claims" / "claims" / "result.json"
    first = bench(tree, "study", "claims", "1", "11", "27", "--json")
    if first.returncode == 12:
        noise.skip_if_spoilt(load(result.parent))
    assert first.returncode == 0, first.stderr
    measured = result.read_bytes()
    assert load(result.parent).run.command == ["bench.py", "study", "claims", "1", "11", "27", "--json"]
    second = bench(tree, "study", "claims", "17", "--json")
    assert second.returncode == 0, second.stderr
    assert result.read_bytes() == measured
    answers = json.loads(second.stdout)
    assert [answer["number"] for answer in answers] == [1, 11, 17, 27]
    for answer in answers:
        assert answer["kind"] == "measured"
        assert answer["verdict"] in ("supported", "refuted", "inconclusive")
        reckoned = [figure for figure in answer["figures"] if figure["group"] != "stale access"]
        assert all(figure["ci"] or figure["name"].startswith(COUNTED) for figure in reckoned)


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(2 * PATIENCE_S)
def test_servers_of_several_processes_are_measured(tree: Path) -> None:
    """A short run of suite `scale`: every process is followed, a store loaded alone, the figure drawn."""
    suite = tree / "loadtests" / "suites" / "scale.toml"
    head, one, two, _ = suite.read_text().split("[[scenarios]]")
    small = re.sub(r"^instances = .*\nwarmup_requests = .*", SMALL, head, flags=re.MULTILINE)
    short = re.sub(r"^seconds = \d+", "seconds = 3", "[[scenarios]]".join(["", one, two]), flags=re.MULTILINE)
    suite.write_text(small + short)
    folder = tree / "results" / "claims"
    done = bench(tree, "study", "claims", "18", "--json")
    result = load(folder / "scale")
    followed = Counter(
        (row.params["processes"], row.process.partition(",")[0]) for row in result.vitals if row.arm
    )
    servers = [f"{arm} #{number}" for number, arm in enumerate(["token", "cookie"] * 2)]
    assert followed == {(1, name): 1 for name in servers} | {(2, name): 3 for name in servers}
    if done.returncode == 12:
        noise.skip_if_spoilt(result)
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)
    assert answer["verdict"] in ("supported", "refuted", "inconclusive")
    assert sum(figure["name"].startswith("server processes that") for figure in answer["figures"]) == 2
    assert "scale_out.png" in (folder / "claims.md").read_text()
    assert (folder / "scale_out.png").exists()
