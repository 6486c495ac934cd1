"""A search for capacity in small, from the outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.results.model import Result
from tests import noise

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
title = "capacity, in small"
arms = ["anonymous", "token"]
instances = 2
warmup_requests = 50

[[scenarios]]
name = "steady"
load = { model = "open", users = 8, rate = 500, arrivals = "poisson" }
seconds = 1

[[scenarios]]
name = "steady"
load = { model = "open", users = 8, rate = 1000, arrivals = "poisson" }
seconds = 1

[[scenarios]]
name = "steady"
load = { model = "open", users = 8, rate = 2000, arrivals = "poisson", p99_ms = 10 }
seconds = 20
slot_ms = 195
"""


@pytest.mark.slow
@pytest.mark.alone
def test_a_search_finds_a_capacity_for_each_arm(tmp_path: Path) -> None:
    """A row an arm with an interval, judged; verifying a token costs capacity; the figure is there."""
    (tmp_path / "small.toml").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench.py"), "run", "small.toml", "--out", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 12), done.stdout + done.stderr  # 12: a starved machine, said so
    result = Result.model_validate_json((tmp_path / "run" / "result.json").read_text())
    noise.skip_if_starved(result)
    found = {row.arm: row for row in result.measurements if row.metric == "capacity"}
    assert found["anonymous"].value > found["token"].value > 500
    assert {row.load for row in found.values()} == {"search, p99 under 10 ms, poisson"}
    if min(row.instances for row in found.values()) > 1:  # a slow machine may leave one unsettled
        assert all(row.ci is not None for row in found.values())
        [judged] = [row for row in result.comparisons if row.primary and row.metric == "capacity"]
        assert judged.ratio < 1
    assert (tmp_path / "run" / "offered.png").exists()
    assert "capacity" in done.stdout
