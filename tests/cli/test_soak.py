"""A soak in miniature: every process is looked at, and a descriptor leak put in from outside is found."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.analysis.endurance import LONG_S
from harness.analysis.growth import DESCRIPTORS, growths
from harness.errors import InvalidMeasurementError
from harness.results.metrics import DRIFT, GROWTH
from harness.results.model import Result
from harness.suites.catalog import load_suite
from tests.sandbox import parts

ROOT = Path(__file__).resolve().parents[2]
#: The soak's own suite, of 36 seconds.
SHORT = """
title = "A soak in miniature"
arms = ["token", "cookie"]
instances = 2
warmup_requests = 200
stationary = true

[[scenarios]]
name = "steady"
load = { model = "open", users = 4, rate = 200 }
seconds = 36
slot_ms = 490
lead_ms = 10
"""
#: The command line with a lower bar for what counts as a long run: all else is as in twenty minutes.
JUDGED_AT_ONCE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import bench
from harness.analysis import endurance
endurance.LONG_S = 30
bench.main()
"""
PROCESSES = ["token #0", "cookie #1", "token #2", "cookie #3", "store", "harness", "load generator"]


def _serving(run: subprocess.Popen[str], arm: str) -> psutil.Process:
    """A server of that scheme, of a run under way, once the load is on."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = parts(run)
        if any("locustfile.py" in line for line in children.values()):
            return next(child for child, line in children.items() if f" servers {arm} " in line)
        time.sleep(0.1)
    raise AssertionError("no load was started")


def _port(server: psutil.Process) -> int:
    return next(c.laddr.port for c in server.net_connections("tcp") if c.status == psutil.CONN_LISTEN)


@pytest.mark.slow
def test_a_leak_from_outside_is_found_in_one_process_alone(tmp_path: Path) -> None:
    """Connections that are opened and never closed are descriptors of one server, and fail the soak.

    Every process was looked at; none but that one has more and more descriptors.
    """
    (tmp_path / "short.toml").write_text(SHORT)
    with subprocess.Popen(
        [sys.executable, "-c", JUDGED_AT_ONCE, "run", "short.toml", "--out", "run"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        leaky = _serving(running, "cookie")
        port, kept = _port(leaky), []
        while running.poll() is None and leaky.is_running():
            try:
                kept.append(http.client.HTTPConnection("127.0.0.1", port, timeout=5))
                kept[-1].request("GET", "/public")
                kept[-1].getresponse().read()
            except (OSError, http.client.HTTPException):  # the run is over
                break
            time.sleep(0.5)
        said, _ = running.communicate(timeout=60)
        for connection in kept:
            connection.close()
    assert running.returncode == InvalidMeasurementError.exit_code, said
    result = Result.model_validate_json((tmp_path / "run" / "result.json").read_text())
    [growth] = [check for check in result.validity if check.check == GROWTH]
    assert growth.status == "invalid"
    assert "cookie #1 gained" in growth.detail
    assert "descriptors" in growth.detail
    assert [check.check for check in result.validity].count(DRIFT) == 2
    assert [row.process for row in result.vitals] == PROCESSES
    assert [row.arm for row in result.vitals] == ["token", "cookie", "token", "cookie", None, None, None]
    for row in result.vitals:
        assert 30 <= len(row.at_s) == len(row.rss) == len(row.descriptors) == len(row.threads) <= 72
        assert min(row.rss) > 1e6
        assert min(row.descriptors) > 3
        assert min(row.threads) >= 1
    found = [one for row in result.vitals for one in growths(row, 0.99)]
    assert [one.process for one in found if one.leaks and one.quantity is DESCRIPTORS] == ["cookie #1"]


def test_the_soak_holds_what_its_make_target_promises() -> None:
    """Both twins alone, twenty minutes, judged, and failed by growth."""
    suite = load_suite("soak")
    assert set(suite.arms) == {"token", "cookie"}
    assert suite.stationary
    assert sum(scenario.seconds for scenario in suite.scenarios) == 20 * 60
    assert all(scenario.seconds >= LONG_S for scenario in suite.scenarios)
