"""Runs one load, from plan to recording, by local processes or by remote workers."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from harness.errors import EnvironmentFailedError, InvalidMeasurementError, OutOfReachError
from harness.load.barrier import LoadMember, OnSlot, SlotBarrier, listen
from harness.load.local import load_processes
from harness.load.remote import RemoteWorkers
from harness.load.usage import UsageRecorder
from harness.protocol.plan import Plan
from harness.protocol.recording import Recording
from harness.system import files
from harness.testbed.rig import Rig
from harness.testbed.sampler import ProcessSampler


@dataclass(frozen=True)
class Generator:
    """Source of the load: a number of Locust processes, pinned in turn to these CPUs (none: not pinned)."""

    processes: int = 1
    cpus: tuple[int, ...] = ()
    #: Workers that make the load instead of local processes.
    workers: RemoteWorkers | None = None


class BrokenOffError(OutOfReachError):
    """A load that ended early, since another machine stopped responding.

    Attributes:
        recording: What was recorded until then.
    """

    def __init__(self, text: str, recording: Recording) -> None:
        super().__init__(text)
        self.recording = recording


def run(
    plan: Plan, rig: Rig, usage: UsageRecorder, sampler: ProcessSampler, *, how: Generator, on_slot: OnSlot
) -> Recording:
    """Run a plan against a testbed.

    The load processes report when a slot begins and ends, while no request of any of them is pending; `usage`
    reads its meters before they continue. After a slot `sampler` reads every process, this one included.

    Returns:
        The recordings of all processes, merged; incomplete, and with the reason, if one of them ended early.

    Raises:
        BrokenOffError: Another machine stopped responding; has what was recorded until then.
        EnvironmentFailedError: A process did not start or hangs, a server or the store died, or the disk is
            full.
        InvalidMeasurementError: A process ended early, and nothing was recorded.
    """
    lost = ""
    unreachable: OutOfReachError | None = None
    members: Sequence[LoadMember] = ()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listen(listener, plan.edges, how.workers.count if how.workers else how.processes)
        try:
            if how.workers is None:
                shares = plan.shared(how.processes)
                started = stack.enter_context(load_processes(shares, rig.folder, how.cpus))
                for load_process in started:
                    sampler.follow(load_process.name, load_process.process.pid)
                members = started
            else:
                sampler.follow("load master", how.workers.pid)
                members = how.workers.begin(plan, rig.folder)
            with SlotBarrier(listener, members, rig) as edges:
                edges.attend(usage, sampler, on_slot)
            for member in members:
                member.wait()
        except InvalidMeasurementError as error:
            lost = str(error)
        except OutOfReachError as error:
            unreachable, lost = error, str(error).rstrip(".")
    rig.check_alive()
    recording = Recording.merge([member.recorded() for member in members])
    if recording.complete and not lost:
        return recording
    lost = lost or next(str(member.failure()) for member in members if not member.recorded().complete)
    if files.is_full(rig.folder):  # any other error is a consequence
        raise EnvironmentFailedError(lost)
    if not recording.slots:
        raise unreachable or InvalidMeasurementError(lost)
    recording = replace(recording, complete=False, lost=lost)
    if unreachable is not None:
        raise BrokenOffError(str(unreachable), recording) from unreachable
    return recording
