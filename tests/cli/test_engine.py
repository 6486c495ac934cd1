"""`bench.py verify engine`, in one short round, from the outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import CASES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.alone
def test_every_engine_is_measured(tmp_path: Path) -> None:
    """A row for each engine and path, no error, and the true percentiles where they are known."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench.py"), "verify", "engine", "--rounds", "1", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = {(row["engine"], row["path"]): row for row in json.loads(done.stdout)}
    expected = {
        (case.engine, case.path)
        for engine, cases in CASES.items()
        for case in cases
        if engine != "wrk" or wrk.is_installed()
    }
    assert rows.keys() == expected
    for (engine, path), row in rows.items():
        assert row["throughput"] > 0, (engine, path)
        assert row["client_cpu"] > 0, (engine, path)
        assert row["errors"] == 0, (engine, path)
        assert bool(row["truth"]) == (path in ("/fixed", "/bimodal")), (engine, path)
    assert rows["ours", "/public"]["over"].keys() >= {"fast-http-user", "http-user"}
    assert "lag_p99" in rows["ours-open", "/public"]["percentiles"]
    assert all(one["true"] >= 2000 for one in rows["ours-open", "/fixed"]["truth"].values())
    assert list(tmp_path.iterdir()) == []
