"""The suite that readers run first, whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.results.model import Result
from harness.suites.catalog import load_suite
from harness.suites.forecast import forecast
from tests import noise

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_quick_orders_the_arms_and_spends_its_time_measuring(tmp_path: Path) -> None:
    """The token costs more than the floor, the cookie never less than the token: at worst it cannot be told.

    Six tenths of the forecast are planned for measuring, and spent on it; servers start as slowly as they do.
    """
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
    will = forecast(load_suite("quick"))
    assert will.measuring_s >= 0.6 * will.seconds
    assert result.run.measured_s >= will.measuring_s
    noise.skip_if_spoilt(result)
    assert costs["anonymous"][1] < costs["token"][0]
    verdicts = {
        row.verdict
        for row in result.comparisons
        if (row.base, row.arm) == ("token", "cookie") and row.primary
    }
    assert verdicts <= {"slower", "inconclusive"}
