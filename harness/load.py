"""One Locust run as a subprocess, from plan to recording."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness import processes
from harness.accounting import Accountant
from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.recording import Recording
from harness.rig import Rig
from harness.schedule import Plan
from harness.vitals import Watch

#: With no word from the load generator for this long, it hangs.
_SILENCE_S: Final = 120

#: Called after every slot with (slots done, instance, requests, elapsed ns), and with a phase's name before.
OnSlot = Callable[[int, int, int, int], None]


def run(
    plan: Plan, rig: Rig, accountant: Accountant, watch: Watch, *, cpus: tuple[int, ...], on_slot: OnSlot
) -> Recording:
    """Drive a rig through a plan.

    The load generator says when a slot begins and ends, at moments when nothing is under way; the accountant
    reads its meters before it may go on. After a slot `watch` looks at every process, this one included.

    Returns:
        What was recorded; `complete` is False where its end is torn off.

    Raises:
        EnvironmentFailedError: It would not start, hangs, or a server or the store died.
        InvalidMeasurementError: It ended without its final report.
    """
    plan_file = rig.folder / "plan.json"
    recording_file = rig.folder / "recording.jsonl"
    log = rig.folder / "locust.log"
    recording_file.unlink(missing_ok=True)
    plan_file.write_text(plan.dumps(), encoding="utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        Path(plan.edges).unlink(missing_ok=True)
        listener.bind(plan.edges)
        listener.listen(1)
        process = _start_locust(plan, plan_file, recording_file, log)
        watch.follow("load generator", process.pid)
        try:
            processes.pin(process.pid, cpus)
            _attend(listener, process, rig, accountant, watch, on_slot)
            process.wait(timeout=30)
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailedError("Locust did not end after its last slot.") from error
        finally:
            processes.end([process])
    rig.check_alive()
    if not recording_file.exists():
        words = processes.last_words(log.read_text(errors="replace"))
        raise InvalidMeasurementError(f"the load generator ended without its final report: {words}")
    with recording_file.open(encoding="utf-8") as lines:
        return Recording.read(lines)


def _start_locust(plan: Plan, plan_file: Path, recording: Path, log: Path) -> subprocess.Popen[bytes]:
    arguments = [
        *("-f", str(processes.ROOT / "loadtests" / "locustfile.py")),
        "--headless",
        *("--users", str(plan.users), "--spawn-rate", str(plan.users)),
        *("--host", "http://127.0.0.1"),
        *("--loglevel", "WARNING", "--only-summary"),
        *("--plan", str(plan_file), "--recording", str(recording)),
        plan.scenario.title().replace("-", ""),
    ]
    # A ~/.locust.conf of the user's would change the load.
    home = {"HOME": str(log.parent)}
    process = processes.start("locust", arguments, log=log, environment=home)
    if process.stdout is not None:
        os.set_blocking(process.stdout.fileno(), False)
    return process


def _attend(
    listener: socket.socket,
    process: subprocess.Popen[bytes],
    rig: Rig,
    accountant: Accountant,
    watch: Watch,
    on_slot: OnSlot,
) -> None:
    """Answer the load generator at every edge until it hangs up."""
    listener.settimeout(0.5)
    silent_since = time.monotonic()
    while True:
        try:
            line, _ = listener.accept()
            break
        except TimeoutError:
            if process.poll() is not None:
                return
            _check_silence(silent_since, rig)
    with line:
        line.settimeout(1)
        pending = b""
        silent_since = time.monotonic()
        while True:
            try:
                data = line.recv(4096)
            except TimeoutError:
                _check_silence(silent_since, rig)
                continue
            except ConnectionResetError:
                return
            if not data:
                return
            silent_since = time.monotonic()
            pending += data
            while b"\n" in pending:
                message, pending = pending.split(b"\n", 1)
                rig.check_alive()
                _answer(message.decode().split(), accountant, watch, on_slot)
                line.sendall(b".")


def _answer(words: list[str], accountant: Accountant, watch: Watch, on_slot: OnSlot) -> None:
    match words:
        case ["begin", _, instance]:
            accountant.begin(int(instance))
        case ["end", slot, instance, requests, elapsed_ns]:
            accountant.end(int(slot), int(instance))
            watch.look()
            on_slot(int(slot) + 1, int(instance), int(requests), int(elapsed_ns))
        case _:
            raise AssertionError(f"unknown edge: {words}")


def _check_silence(silent_since: float, rig: Rig) -> None:
    rig.check_alive()
    if time.monotonic() - silent_since > _SILENCE_S:
        raise EnvironmentFailedError(f"the load generator has said nothing for {_SILENCE_S} s.")
