"""wrk, if it is installed: the usual reference, written in C."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from harness.errors import EnvironmentFailedError
from harness.studies.load_engine.cases import EngineCase
from harness.system.processes import last_lines

#: Defines `done` only, so that no Lua code runs during the requests. wrk counts in microseconds.
_SCRIPT: Final = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"elapsed_us":%d,"errors":%d,"service_p50":%d,"service_p90":%d,"service_p99":%d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
"""


def is_installed() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def run(case: EngineCase, url: str, headers: str, seconds: int, cpus: Sequence[int]) -> dict[str, Any]:
    """Load a server with one thread of wrk; its duration is in whole seconds.

    Returns:
        `requests`, `errors`, `elapsed_ns`, `cpu_ns` and `percentiles` (µs), as from `loadtests.engine_trial`.

    Raises:
        EnvironmentFailedError: wrk failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "done.lua")
        script.write_text(_SCRIPT, encoding="utf-8")
        words = ["wrk", "-t1", f"-c{case.connections}", f"-d{seconds}", "-s", str(script)]
        words += [word for line in headers.split("\r\n")[:-1] for word in ("-H", line)]
        before = _children_cpu_s()
        with _pinned(cpus):
            done = subprocess.run([*words, url], capture_output=True, text=True, timeout=60, check=False)
        cpu_s = _children_cpu_s() - before
    if done.returncode:
        raise EnvironmentFailedError(f"wrk failed: {last_lines(done.stderr or done.stdout)}")
    counted = json.loads(done.stdout.splitlines()[-1])
    return {
        "requests": counted["requests"],
        "errors": counted["errors"],
        "elapsed_ns": counted["elapsed_us"] * 1e3,
        "cpu_ns": cpu_s * 1e9,
        "percentiles": {name: float(counted[name]) for name in counted if name.startswith("service_")},
    }


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Bind this thread to these CPUs; wrk inherits the binding for all of its threads."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
