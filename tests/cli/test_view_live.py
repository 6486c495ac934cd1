"""Runs under way as the viewer streams them: one that is written by hand, and a real one."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from harness.results.progress_file import ProgressFile
from tests import viewing
from tests.sandbox import Sandbox
from tests.viewing import put, under_way


def test_a_run_is_followed_until_it_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    """Each news as it is written, then that there is none; what it has so far is no result until then."""
    results = tmp_path / "results"
    folder = put(results / "run")
    viewer = viewing.start(sandbox, results)
    with viewer.listening() as page:
        assert page.status() == 200
        assert page.event() == []
        with under_way(folder) as file:
            file.write("starting servers")
            [first] = page.event()
            assert (first["place"], first["total"], first["text"]) == ("run", 0, "starting servers")
            file.write("measuring", "saturation", done=3, total=12, left_s=9, rates={"token": 12000.0})
            [second] = page.event()
            assert (second["done"], second["total"]) == (3, 12)
            assert "25 %, 9 s left of this scenario, token 12,000/s" in second["text"]
            still = viewer.get("/").body
            assert 'data-place="run"' in still
            assert '<progress aria-label="Time slices of this scenario" value="3" max="12">' in still
            assert "Refresh" in still
            assert 'href="/runs/run/"' not in still
            assert ">running<" in viewer.get("/runs/run/").body
        assert page.event() == []
    ended = viewer.get("/").body
    assert "data-place" not in ended
    assert 'href="/runs/run/"' in ended
    viewing.stop(viewer)


def test_a_run_that_was_killed_is_not_under_way(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its file lies there still, and nobody has its lock."""
    folder = tmp_path / "results" / "run"
    folder.mkdir(parents=True)
    ProgressFile(folder, "smoke", ["token"]).write("measuring")
    viewer = viewing.start(sandbox, tmp_path / "results")
    assert "data-place" not in viewer.get("/").body
    with viewer.listening() as page:
        assert page.status() == 200
        assert page.event() == []
    viewing.stop(viewer)


@pytest.mark.slow
def test_a_real_run_is_seen_from_outside(sandbox: Sandbox) -> None:
    """The page listens before the run begins, sees both scenarios move on, and then has the result."""
    (sandbox.folder / "results").mkdir()
    viewer = viewing.start(sandbox, sandbox.folder / "results", TMPDIR=str(sandbox.temporary))
    with viewer.listening() as page:
        assert page.status() == 200
        assert page.event() == []
        running = sandbox.start("run", "smoke", "--out", "results/live")
        seen: list[dict[str, Any]] = []
        while news := page.event():
            assert [one["place"] for one in news] == ["live"]
            seen += news
    said = running.communicate(timeout=120)[0]
    assert running.returncode in (0, 12), said
    measuring = [one for one in seen if one["done"]]
    assert measuring
    for _, scenario in groupby(measuring, key=lambda one: one["text"].split(":")[0]):
        done = [one["done"] for one in scenario]
        assert done == sorted(done)
        assert all(one["done"] <= one["total"] for one in measuring)
    assert seen[0]["text"].startswith("starting a store and")
    assert seen[-1]["text"] == "all is measured; making tables and charts"
    listed = viewer.get("/").body
    assert 'href="/runs/live/"' in listed
    assert "smoke" in listed
    assert 'src="/runs/live/cost.svg"' in viewer.get("/runs/live/").body
    assert list((sandbox.folder / "results" / "live").glob("progress*")) == []
    viewing.stop(viewer)
