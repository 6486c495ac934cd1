"""The server that knows how long its answers took."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from calibration.target import DELAYS_NS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def target() -> Iterator[http.client.HTTPConnection]:
    """A connection to a running one."""
    process = subprocess.Popen([sys.executable, "-m", "calibration.target"], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        with process.stdout:
            port = json.loads(process.stdout.readline())["port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        yield connection
        connection.close()
    finally:
        process.kill()
        process.wait()


def ask(target: http.client.HTTPConnection, path: str) -> tuple[bytes, str | None]:
    """Body and stamp of an answer."""
    target.request("GET", path)
    answer = target.getresponse()
    return answer.read(), answer.getheader("Answer-Time-Ns")


@pytest.mark.parametrize("path", DELAYS_NS)
def test_no_answer_is_early_and_each_is_stamped_with_its_time(
    target: http.client.HTTPConnection, path: str
) -> None:
    """The stamps are what `/truth` tells, and none is below the shortest delay."""
    stamps = [int(ask(target, path)[1] or 0) for _ in range(20)]
    assert min(stamps) >= min(DELAYS_NS[path])
    assert json.loads(ask(target, "/truth")[0]) == stamps
    assert json.loads(ask(target, "/truth")[0]) == []


def test_the_bimodal_path_has_both_modes(target: http.client.HTTPConnection) -> None:
    """Some of fifty answers take the longer time, most do not."""
    slow = sum(int(ask(target, "/bimodal")[1] or 0) >= max(DELAYS_NS["/bimodal"]) for _ in range(50))
    assert 0 < slow < 25
