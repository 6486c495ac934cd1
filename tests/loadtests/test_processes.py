"""Several load processes share one plan: nothing of what any of them saw is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.errors import InvalidMeasurementError
from harness.load import generator
from harness.protocol.plan import Plan, Target, arrival_offsets
from harness.protocol.recording import Recording
from harness.testbed.sampler import ProcessSampler
from servers import contract
from tests.servers.process import Server

SLOTS = 4
#: An arrival that is not sent within a second slot is given up: a machine may stall for less.
SLOT_NS = 400_000_000
USERS = 5


@dataclass
class Watched:
    """Stands in for the rig and its accountant: notes the edges it was called to."""

    folder: Path
    edges: list[str] = field(default_factory=list)

    def check_alive(self) -> None:
        """Everybody is."""

    def begin(self, instance: int) -> None:
        """Note it."""
        self.edges.append(f"begin {instance}")

    def end(self, slot: int, instance: int) -> None:
        """Note it."""
        self.edges.append(f"end {slot} {instance}")


def plan(folder: Path, server: Server, model: Any, users: int = USERS) -> Plan:
    """Four slots on one instance."""
    return Plan(
        scenario="saturation" if model == "closed" else "steady",
        model=model,
        users=users,
        rate=0 if model == "closed" else 100,
        arrivals="constant",
        seed=1,
        lead_ns=5_000_000,
        slot_ns=SLOT_NS,
        warmup_requests=20,
        timeout_s=10,
        targets=(Target(0, server.scheme, "127.0.0.1", server.port, contract.RESTRICTED),),
        order=(0,) * SLOTS,
        edges=str(folder / "edges.sock"),
    )


def drive(
    folder: Path,
    server: Server,
    model: str,
    on_slot: Callable[[int, int, int, int], None] = lambda *_: None,
) -> tuple[Recording, Watched]:
    """Two load processes over the plan."""
    watched: Any = Watched(folder)
    how = generator.Generator(processes=2)
    watch = ProcessSampler(1)
    one = generator.run(plan(folder, server, model), watched, watched, watch, how=how, on_slot=on_slot)
    return one, watched


@pytest.mark.parametrize("model", ["closed", "open"])
def test_two_processes_make_one_recording(serve: Callable[[str], Server], tmp_path: Path, model: str) -> None:
    """Every slot has what both saw, each edge is passed once, every arrival is sent once."""
    told: list[int] = []
    recording, watched = drive(tmp_path, serve("token"), model, lambda *slot: told.append(slot[2]))
    assert recording.complete
    assert recording.errors == {}
    assert [(r.slot, r.process) for r in recording.slots] == [(s, p) for p in (0, 1) for s in range(SLOTS)]
    assert watched.edges == [edge for s in range(SLOTS) for edge in ("begin 0", f"end {s} 0")]
    by_slot = [sum(r.requests for r in recording.slots if r.slot == s) for s in range(SLOTS)]
    assert told == by_slot
    assert min(row.requests for row in recording.slots) > 0
    if model == "open":
        due = len(arrival_offsets(100, SLOT_NS, "constant", 1))
        assert by_slot == [due] * SLOTS


def test_a_process_that_dies_is_missed(serve: Callable[[str], Server], tmp_path: Path) -> None:
    """Half of the reports is none: the run is invalid, and no process stays behind."""
    killed: list[int] = []

    def kill_one(*_: int) -> None:
        if not killed:
            killed.append(_load_process(tmp_path))
            os.kill(killed[0], signal.SIGKILL)
            while psutil.Process(killed[0]).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.001)  # so that the answer to it finds nobody

    with pytest.raises(
        InvalidMeasurementError, match=r"load generator 2 of 2 ended .* \(killed by signal 9\)"
    ):
        drive(tmp_path, serve("token"), "closed", kill_one)
    assert _load_processes(tmp_path) == []


def test_what_was_recorded_before_one_died_is_kept(serve: Callable[[str], Server], tmp_path: Path) -> None:
    """The slots that both had finished, but for the last, which may be torn; and why there are no more."""

    def kill_one(done: int, *_: int) -> None:
        if done == SLOTS - 1:
            os.kill(_load_process(tmp_path), signal.SIGKILL)

    recording, _ = drive(tmp_path, serve("token"), "closed", kill_one)
    assert not recording.complete
    assert "load generator 2 of 2 ended" in recording.lost
    assert {(row.slot, row.process) for row in recording.slots} >= {(0, 0), (0, 1)}
    assert {row.slot for row in recording.slots} <= set(range(SLOTS - 1))


def _load_process(folder: Path) -> int:
    (one,) = [pid for pid, command in _load_processes(folder) if "load-1" in command]
    return one


def _load_processes(folder: Path) -> list[tuple[int, str]]:
    """The processes that were given a plan in this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command and "--plan" in command:
            found.append((int(path.parent.name), command))
    return found
