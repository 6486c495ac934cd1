"""One load, from plan to recording, whoever makes it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from harness.errors import EnvironmentFailedError, InvalidMeasurementError, OutOfReachError
from harness.load.barrier import LoadMember, OnSlot, SlotBarrier, listen
from harness.load.local import LocalProcesses
from harness.load.usage import UsageRecorder
from harness.protocol.plan import Plan
from harness.protocol.recording import Recording
from harness.system import files
from harness.testbed.rig import Rig
from harness.testbed.sampler import ProcessSampler


@dataclass(frozen=True)
class Generator:
    """How the load is made: by so many Locust processes, in turn on these CPUs (none: not pinned)."""

    processes: int = 1
    cpus: tuple[int, ...] = ()
    #: Those who make it in place of processes of our own.
    workers: LoadWorkers | None = None


class BrokenOffError(OutOfReachError):
    """A load ended before its time, since what runs on another machine answers no more.

    Attributes:
        recording: What was seen until then.
    """

    def __init__(self, text: str, recording: Recording) -> None:
        super().__init__(text)
        self.recording = recording


class RunningLoad(Protocol):
    """Those who share a load, at work."""

    @property
    def members(self) -> Sequence[LoadMember]:
        """Each with its share, in order."""

    def wait(self) -> None:
        """Until all have ended after their last slot; raises InvalidMeasurementError where one is missing."""


class LoadWorkers(Protocol):
    """Load processes that others have started, elsewhere (`harness.load.remote`)."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def pid(self) -> int:
        """Process id of what leads them."""

    def begin(self, plan: Plan, folder: Path) -> RunningLoad:
        """Have them follow a plan, and their recordings in this folder."""


def run(
    plan: Plan, rig: Rig, accountant: UsageRecorder, watch: ProcessSampler, *, how: Generator, on_slot: OnSlot
) -> Recording:
    """Drive a rig through a plan.

    The load processes say when a slot begins and ends, at moments when nothing is under way in any of them;
    the accountant reads its meters before they may go on. After a slot `watch` looks at every process, this
    one included.

    Returns:
        What was recorded, all processes merged; not complete, and with the reason, where one of them ended
        before its time.

    Raises:
        BrokenOffError: What runs on another machine answers no more; it has what was recorded until then.
        EnvironmentFailedError: One would not start or hangs, a server or the store died, or the disk is full.
        InvalidMeasurementError: One ended before its time, and nothing was recorded.
    """
    lost = ""
    gone: OutOfReachError | None = None
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listen(listener, plan.edges, how.workers.count if how.workers else how.processes)
        crew: RunningLoad
        try:
            if how.workers is None:
                crew = stack.enter_context(LocalProcesses(plan, rig.folder, watch, how.processes, how.cpus))
            else:
                watch.follow("load master", how.workers.pid)
                crew = how.workers.begin(plan, rig.folder)
            with SlotBarrier(listener, crew.members, rig) as edges:
                edges.attend(accountant, watch, on_slot)
            crew.wait()
        except InvalidMeasurementError as error:
            lost = str(error)
        except OutOfReachError as error:
            gone, lost = error, str(error).rstrip(".")
    rig.check_alive()
    recording = Recording.merge([one.recorded() for one in crew.members])
    if recording.complete and not lost:
        return recording
    lost = lost or next(str(one.failure()) for one in crew.members if not one.recorded().complete)
    if files.is_full(rig.folder):  # whatever else went wrong is a consequence
        raise EnvironmentFailedError(lost)
    if not recording.slots:
        raise gone or InvalidMeasurementError(lost)
    recording = replace(recording, complete=False, lost=lost)
    if gone is not None:
        raise BrokenOffError(str(gone), recording) from gone
    return recording
