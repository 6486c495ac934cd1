"""Who serves an instance, what it inherits, and what the kernel says of its CPU time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.doctor.activity import memory_stalled_s
from harness.system import processes
from harness.system.processes import process_tree
from harness.system.source_tree import Tree
from harness.testbed import cpu_clock
from harness.testbed.cpu_clock import cpu_ns
from harness.testbed.meters import ProcessMeter

#: Keeps one child, and starts another when that dies, as supervisors of servers do.
SUPERVISOR = """
import subprocess, sys
while True:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    child.wait()
"""


def test_a_worker_that_a_supervisor_replaced_is_seen() -> None:
    """The process that was started lives on; the one below it is another."""
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True)
    try:
        assert supervisor.stdout is not None
        first = int(supervisor.stdout.readline())
        before = process_tree(supervisor.pid)
        assert {pid for pid, _ in before} == {supervisor.pid, first}
        assert process_tree(supervisor.pid) == before
        os.kill(first, signal.SIGKILL)
        second = int(supervisor.stdout.readline())
        after = process_tree(supervisor.pid)
        assert {pid for pid, _ in after} == {supervisor.pid, second}
        assert after != before
        supervisor.stdout.close()
    finally:
        for child in psutil.Process(supervisor.pid).children():
            child.kill()
        supervisor.kill()
        supervisor.wait()


def test_a_process_that_is_gone_has_no_family() -> None:
    """Whoever started it will tell that."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert process_tree(gone.pid) == frozenset()


def test_what_a_child_burns_counts() -> None:
    """A meter reads the whole family: this parent only waits, and its child runs for ever."""
    burns = 'import subprocess, sys; subprocess.run([sys.executable, "-c", "while True: pass"])'
    parent = subprocess.Popen([sys.executable, "-c", burns])
    meter = ProcessMeter(parent.pid)
    try:
        deadline = time.monotonic() + 30
        while len(meter.members) < 2 and time.monotonic() < deadline:
            meter.meet()
        first, child = meter.members
        assert first == parent.pid
        own_ns = cpu_ns(parent.pid)
        while meter.cpu().on_ns < own_ns + 300e6 and time.monotonic() < deadline:
            time.sleep(0.05)
        least_ns = cpu_ns(child)
        assert cpu_ns(parent.pid) + least_ns <= meter.cpu().on_ns
        assert meter.cpu().on_ns <= cpu_ns(parent.pid) + cpu_ns(child)
        assert least_ns > 3 * (cpu_ns(parent.pid) - own_ns)
    finally:
        for one in psutil.Process(parent.pid).children():
            one.kill()
        parent.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil is all there is")
def test_a_corrected_clock_replaces_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day at which a process began is computed from the clock; the process is the same."""
    before = process_tree(os.getpid())
    boot_time = psutil._pslinux.boot_time
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot_time() + 0.01)
    assert process_tree(os.getpid()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="nobody else counts it")
def test_two_that_want_one_cpu_wait_for_each_other() -> None:
    """Pinned together, each of two busy processes stands in line; the counter says so."""
    cpu = min(os.sched_getaffinity(0))
    spin = f"import os; os.sched_setaffinity(0, [{cpu}])\nwhile True: pass"
    both = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(2)]

    def waited_ns(process: subprocess.Popen[bytes]) -> int:
        return cpu_clock.read([process.pid]).waiting_ns

    try:
        deadline = time.monotonic() + 30
        while min(map(waited_ns, both)) < 100e6 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert min(map(waited_ns, both)) >= 100e6
    finally:
        for one in both:
            one.kill()
            one.wait()


def test_memory_stalls_are_read_as_linux_counts_them() -> None:
    """Microseconds of the line `some`; a system without the file has none."""
    text = "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 total=1\n"
    assert memory_stalled_s(text) == 2.5
    assert memory_stalled_s("") == 0


def test_what_is_started_does_not_inherit_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by its value nor by its file: it is for those alone who must prove to hold it."""
    monkeypatch.setenv("COOKIES_VS_TOKENS_SECRET", "a secret of this run")
    monkeypatch.setenv("COOKIES_VS_TOKENS_SECRET_FILE", "/a/file")
    monkeypatch.setenv("AUTH_LIFETIME_S", "60")
    (tmp_path / "tells.py").write_text("import os; print(sorted(os.environ))")
    tree = Tree(tmp_path)
    started = processes.start("tells", [], log=tmp_path / "log", tree=tree)
    assert started.stdout is not None
    for told in (started.stdout.read().decode(), processes.run_module("tells", [], tree)):
        assert "AUTH_LIFETIME_S" in told
        assert "COOKIES_VS_TOKENS_SECRET" not in told
    processes.terminate([started])


def test_a_detour_leads_to_the_same_folder_by_a_longer_path(tmp_path: Path) -> None:
    """As long as it is asked for, odd or even, in every path that Python keeps of a module."""
    (tmp_path / "tells.py").write_text("print(__file__)")
    tree = Tree(tmp_path)
    least = len(str(tmp_path)) + processes.LEAST_DETOUR_BYTES
    for length in (least, least + 1, least + 14, least + 15):
        started = processes.start("tells", [], log=tmp_path / "log", tree=tree, path_bytes=length)
        assert started.stdout is not None
        told = started.stdout.read().decode().strip()
        processes.terminate([started])
        assert Path(told).resolve() == tmp_path / "tells.py"
        assert len(told) == length + len("/tells.py")


def test_a_path_that_is_long_enough_stays_as_it_is(tmp_path: Path) -> None:
    """None is made shorter, and none is longer than asked for."""
    words = [processes.command("tells", [], Tree(tmp_path), length) for length in (0, len(str(tmp_path)))]
    assert all(str(tmp_path) in line for line in words)


def test_a_program_ends_with_its_context(tmp_path: Path) -> None:
    """It ran until then."""
    with processes.running("calibration.target", [], log=tmp_path / "log") as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        assert program.poll() is None
    assert program.returncode == -signal.SIGTERM
