"""`bench.py browser` from the outside."""

from __future__ import annotations

import json

import pytest

from tests import browser
from tests.sandbox import Sandbox


@pytest.mark.slow
def test_it_measures_and_leaves_nothing(sandbox: Sandbox) -> None:
    """Figures for programs on standard output, tables for people beside; every case, every comparison."""
    browser.require()
    done = sandbox.run("browser", "--rounds", "6", "--json", patience_s=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["rounds"], told["seed"]) == (6, 1)
    assert {(row["scheme"], row["preflights"]): row["preflights_seen"] for row in told["waits"]} == {
        **{
            (scheme, kind): 0
            for scheme in ("cookie", "token")
            for kind in ("none", "remembered", "each time")
        },
        ("token", "each time"): 6,
    }
    assert all(row["clicks"] == 6 and row["answered_ms"]["ci"] for row in told["waits"])
    assert len(told["pairs"]) == 7
    assert "token / cookie, own origin" in done.stderr
    assert list(sandbox.folder.iterdir()) == []


@pytest.mark.slow
def test_without_a_browser_it_says_how_to_get_one(sandbox: Sandbox) -> None:
    """Exit code 3, as for whatever else is missing."""
    done = sandbox.run("browser", CHROMIUM="/nonexistent")
    assert done.returncode == 3
    assert "`make browser` installs one" in done.stderr
