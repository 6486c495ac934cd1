"""`bench.py study browser` from the outside."""

from __future__ import annotations

import json

import pytest

from tests import browser
from tests.sandbox import Sandbox


@pytest.mark.slow
def test_it_measures_and_leaves_nothing(sandbox: Sandbox) -> None:
    """Figures for programs on standard output, tables for people beside; every case, every comparison."""
    browser.require()
    done = sandbox.run(
        "study", "browser", "--batches", "2", "--rounds", "1", "--json", "--out", "one", patience_s=300
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["batches"], told["rounds"], told["seed"]) == (2, 1, 1)
    assert {(row["server"], row["preflights"]): row["preflights_seen"] for row in told["waits"]} == {
        **{
            (server, kind): 0
            for server in ("cookie", "token")
            for kind in ("none", "remembered", "each time")
        },
        ("cookie-again", "none"): 0,
        ("static", "none"): 0,
        ("token", "each time"): 2,
    }
    assert all(row["clicks"] == 2 and row["answered_ms"]["ci"] for row in told["waits"])
    assert len(told["pairs"]) == 8
    assert told["noise"]["floor"] > 0
    assert "minimum detectable difference, from two servers" in done.stderr
    assert "equivalent" in done.stderr or "inconclusive" in done.stderr
    assert [len(batch) for batch in told["clicks"]] == [8, 8]
    assert {path.name for path in sandbox.folder.iterdir()} == {"one"}
    kept = {path.name for path in (sandbox.folder / "one").iterdir()}
    assert kept == {"wait.json", "wait.png", "wait.svg"}
    assert json.loads((sandbox.folder / "one" / "wait.json").read_text()) == told
    assert sandbox.ask("study", "browser", "--out", "one").returncode == 2


@pytest.mark.slow
def test_without_a_browser_it_says_how_to_get_one(sandbox: Sandbox) -> None:
    """Exit code 3, as for whatever else is missing: before anything is started or made."""
    done = sandbox.ask("study", "browser", CHROMIUM="/nonexistent")
    assert done.returncode == 3
    assert "batches of" not in done.stderr + done.stdout
    assert list(sandbox.folder.iterdir()) == []
    assert "`make browser` installs one" in done.stderr
