"""The suite that readers run first, whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.result import Result

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_quick_orders_the_arms_and_spends_its_time_measuring(tmp_path: Path) -> None:
    """Floor, token, cookie: in that order of CPU per request, with intervals that do not touch."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench.py"), "run", "quick", "--out", "run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 12), done.stdout + done.stderr  # 12: a starved machine, said so
    result = Result.model_validate_json((tmp_path / "run" / "result.json").read_text())
    costs = {
        row.arm: row.ci
        for row in result.measurements
        if (row.scenario, row.metric) == ("saturation", "total_cpu") and row.ci is not None
    }
    assert costs["anonymous"][1] < costs["token"][0]
    assert costs["token"][1] < costs["cookie"][0]
    assert result.run.measured_s >= 0.7 * result.run.wall_s
