"""Known extra work, and known trouble."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from servers import contract

ROOT = Path(__file__).resolve().parents[2]


def served(folder: Path, requests: int, *options: str) -> dict[str, float]:
    """What a slowed server says of its work after so many restricted reads."""
    folder.mkdir()
    words = ["-m", "calibration.slowed", *options, "--tallies", str(folder)]
    words += ["token", "--port", "0", "--password-cost", "bench", "--json"]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        with process.stdout:
            ready = json.loads(process.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", ready["port"], timeout=10)
        login = json.dumps({"username": "john.doe", "password": "foobar"})
        connection.request("POST", contract.AUTHENTICATE, login, {"Content-Type": "application/json"})
        token = json.load(connection.getresponse())["token"]
        for _ in range(requests):
            connection.request("GET", contract.RESTRICTED, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        connection.close()
    finally:
        process.terminate()
        process.wait(timeout=20)
    [file] = folder.iterdir()
    return dict(json.loads(file.read_text()))


def test_work_is_measured_where_it_is_done(tmp_path: Path) -> None:
    """A hundred thousand turns take longer than none; every request is counted, one in sixteen timed."""
    idle = served(tmp_path / "idle", 16)
    busy = served(tmp_path / "busy", 16, "--rounds", "100000")
    assert idle["requests"] == busy["requests"] == 16
    assert busy["work_ns"] > 10 * idle["work_ns"] > 0


def test_work_in_every_fourth_request_is_a_fourth_of_it(tmp_path: Path) -> None:
    """Told a request, whether it had any or not: far less than all of it in each."""
    before = served(tmp_path / "before", 16, "--rounds", "100000")
    fourth = served(tmp_path / "fourth", 64, "--rounds", "100000", "--every", "4")
    after = served(tmp_path / "after", 16, "--rounds", "100000")
    assert fourth["requests"] == 64
    assert fourth["work_ns"] < max(before["work_ns"], after["work_ns"]) / 2


def test_what_was_never_timed_is_not_guessed(tmp_path: Path) -> None:
    """Two requests are too few."""
    assert served(tmp_path / "few", 2) == {"requests": 2, "work_ns": None}


@pytest.mark.skipif(sys.platform != "linux", reason="states of processes are told differently elsewhere")
def test_a_stuttering_process_is_stopped_now_and_then_and_left_running() -> None:
    """Both states are seen; after the end of the stutter it runs."""
    victim = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    stutter = subprocess.Popen(
        [sys.executable, "-m", "calibration.stutter", str(victim.pid), "--period-ms", "40"], cwd=ROOT
    )
    try:
        seen: set[str] = set()
        deadline = time.monotonic() + 30
        while not {psutil.STATUS_STOPPED, psutil.STATUS_RUNNING} <= seen and time.monotonic() < deadline:
            seen.add(psutil.Process(victim.pid).status())
        stutter.terminate()
        stutter.wait(timeout=10)
        assert {psutil.STATUS_STOPPED, psutil.STATUS_RUNNING} <= seen
        assert psutil.Process(victim.pid).status() == psutil.STATUS_RUNNING
    finally:
        for process in (stutter, victim):
            process.kill()
            process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are stopped with Unix signals")
def test_a_stutter_ends_with_its_process() -> None:
    """There is nobody left to stop."""
    victim = subprocess.Popen([sys.executable, "-c", "pass"])
    victim.wait()
    done = subprocess.run(
        [sys.executable, "-m", "calibration.stutter", str(victim.pid)], cwd=ROOT, timeout=20, check=False
    )
    assert done.returncode == 0


def test_a_neighbour_wants_its_cpu_from_then_on() -> None:
    """It sleeps at first, and then uses CPU time until it is ended."""
    neighbour = subprocess.Popen([sys.executable, "-m", "calibration.neighbour", "--after", "0.5"], cwd=ROOT)
    try:
        process = psutil.Process(neighbour.pid)
        deadline = time.monotonic() + 60
        while process.cpu_times().user < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.cpu_times().user >= 1
    finally:
        neighbour.kill()
        neighbour.wait()
