"""What the suite `standard` is made of, in a small run: several rates, steps, two password costs."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.results.model import Result
from harness.suites import catalog
from harness.suites.forecast import forecast
from tests import noise

ROOT = Path(__file__).resolve().parents[2]
SUITE = """
title = "standard, in small"
arms = ["anonymous", "token", "cookie"]
instances = 2
warmup_requests = 20

[[scenarios]]
name = "steady"
load = { model = "open", users = 4, rate = 50 }
seconds = 1

[[scenarios]]
name = "steady"
load = { model = "open", users = 4, rate = 100 }
seconds = 1

[[scenarios]]
name = "journey"
load = { model = "open", users = 4, rate = 20 }
seconds = 2
slot_ms = 245
primary = "total_cpu"

[[scenarios]]
name = "login"
load = { model = "closed", users = 4 }
seconds = 1
password_cost = "bench"

[[scenarios]]
name = "login"
load = { model = "closed", users = 2 }
seconds = 3
slot_ms = 245
password_cost = "owasp"
warmup_requests = 2
"""
ALL = {"anonymous", "token", "cookie"}


@pytest.mark.slow
def test_every_part_of_standard(tmp_path: Path) -> None:
    """Each step its own row, each cost its own servers, and the floor left out where it cannot take part."""
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
    arms: dict[tuple[str, str, str], set[str]] = {}
    for row in result.measurements:
        params = ", ".join(f"{key}={value}" for key, value in row.params.items())
        arms.setdefault((row.scenario, row.load, params), set()).add(row.arm)
    journey = ("journey", "open, 20/s constant")
    assert arms == {
        ("steady", "open, 50/s constant", ""): ALL,
        ("steady", "open, 100/s constant", ""): ALL,
        (*journey, ""): ALL - {"anonymous"},
        **{(*journey, f"step={s}"): ALL - {"anonymous"} for s in ("login", "read", "write", "logout")},
        ("login", "closed, 4 users", "password_cost=bench"): ALL,
        ("login", "closed, 2 users", "password_cost=owasp"): ALL,
    }
    assert [row.value for row in result.measurements if row.metric == "error_rate" and row.value] == []
    reads = {row.arm: row.samples for row in result.measurements if row.params.get("step") == "read"}
    logins = {row.arm: row.samples for row in result.measurements if row.params.get("step") == "login"}
    assert reads == {arm: 10 * count for arm, count in logins.items()}
    costs = {
        (str(row.params.get("password_cost")), row.arm): row.value
        for row in result.measurements
        if row.metric == "server_cpu"
    }
    assert costs["owasp", "token"] > 3 * costs["bench", "token"]
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"offered.png", "steps.svg", "recording-5-login.jsonl.gz"} <= names


def test_standard_fits_ten_minutes() -> None:
    """As forecast; the run itself is quoted in the README."""
    assert forecast(catalog.load_suite("standard")).seconds < 600
