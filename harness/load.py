"""One load: Locust as one or several subprocesses, from plan to recording."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, Self, TypeVar

from harness import disk, interrupts, processes
from harness.accounting import Accountant
from harness.errors import EnvironmentFailedError, InvalidMeasurementError, OutOfReachError
from harness.recording import Recording
from harness.rig import Rig
from harness.schedule import Plan
from harness.vitals import Watch

#: How often to look whether everybody is alive while nobody says anything.
_LOOK_UP_S: Final = 0.5
#: With no word for this long, whether servers on other machines can still be reached.
_KNOCK_AFTER_S: Final = 5
#: With no word from the load generator for this long, it hangs.
_SILENCE_S: Final = 120

#: Called after every slot with (slots done, instance, requests, elapsed ns).
OnSlot = Callable[[int, int, int, int], None]


@dataclass(frozen=True)
class Generator:
    """How the load is made: by so many Locust processes, in turn on these CPUs (none: not pinned)."""

    processes: int = 1
    cpus: tuple[int, ...] = ()
    #: Those who make it in place of processes of our own.
    workers: Workers | None = None


class BrokenOffError(OutOfReachError):
    """A load ended before its time, since what runs on another machine answers no more.

    Attributes:
        recording: What was seen until then.
    """

    def __init__(self, text: str, recording: Recording) -> None:
        super().__init__(text)
        self.recording = recording


class Member(Protocol):
    """One of those who share a load."""

    @property
    def name(self) -> str:
        """Who it is, for people."""

    def has_ended(self) -> bool:
        """Whether it will say nothing more."""

    def failure(self) -> InvalidMeasurementError:
        """The error that says how it ended before its time."""

    def recorded(self) -> Recording:
        """What it recorded, as far as it came."""


class Crew(Protocol):
    """Those who share a load, at work."""

    @property
    def members(self) -> Sequence[Member]:
        """Each with its share, in order."""

    def wait(self) -> None:
        """Until all have ended after their last slot; raises InvalidMeasurementError where one is missing."""


class Workers(Protocol):
    """Load processes that others have started, elsewhere (`harness.workers`)."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def pid(self) -> int:
        """Process id of what leads them."""

    def begin(self, plan: Plan, folder: Path) -> Crew:
        """Have them follow a plan, and their recordings in this folder."""


def run(
    plan: Plan, rig: Rig, accountant: Accountant, watch: Watch, *, how: Generator, on_slot: OnSlot
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
        crew: Crew
        try:
            if how.workers is None:
                crew = stack.enter_context(OwnProcesses(plan, rig.folder, watch, how))
            else:
                watch.follow("load master", how.workers.pid)
                crew = how.workers.begin(plan, rig.folder)
            with Edges(listener, crew.members, rig) as edges:
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
    if disk.is_full(rig.folder):  # whatever else went wrong is a consequence
        raise EnvironmentFailedError(lost)
    if not recording.slots:
        raise gone or InvalidMeasurementError(lost)
    recording = replace(recording, complete=False, lost=lost)
    if gone is not None:
        raise BrokenOffError(str(gone), recording) from gone
    return recording


class OwnProcesses:
    """Load processes of our own, with their shares of a plan; they end with the context."""

    def __init__(self, plan: Plan, folder: Path, watch: Watch, how: Generator) -> None:
        self.members: list[LoadProcess] = []
        self._plan = plan
        self._folder = folder
        self._watch = watch
        self._how = how

    def __enter__(self) -> Self:
        try:
            for share in self._plan.shared(self._how.processes):
                with interrupts.held():
                    self.members.append(LoadProcess(share, self._folder))
                pid = self.members[-1].process.pid
                self._watch.follow(self.members[-1].name, pid)
                if self._how.cpus:
                    processes.pin(pid, (self._how.cpus[share.process % len(self._how.cpus)],))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        processes.end([one.process for one in self.members])

    def wait(self) -> None:
        """Until all have ended after their last slot."""
        try:
            for one in self.members:
                one.process.wait(timeout=30)
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailedError("Locust did not end after its last slot.") from error


def listen(listener: socket.socket, path: str, count: int) -> None:
    """Have so many load processes find us at a socket's path."""
    Path(path).unlink(missing_ok=True)
    listener.bind(path)
    listener.listen(count)


class Followed(Protocol):
    """A plan, as far as starting a load process for it needs to know."""

    @property
    def scenario(self) -> str:
        """Name of the scenario."""

    @property
    def users(self) -> int:
        """Virtual users of this process."""

    @property
    def process(self) -> int:
        """Which of the load processes it is for."""

    @property
    def processes(self) -> int:
        """How many share the load."""

    def dumps(self) -> str:
        """The plan as JSON."""


class Report(Protocol):
    """What a load process wrote, whatever it is of."""

    @property
    def complete(self) -> bool:
        """False where its end is missing."""


ReportT = TypeVar("ReportT", bound=Report)


class LoadProcess:
    """One Locust process with its share of a plan."""

    def __init__(self, plan: Followed, folder: Path) -> None:
        stem = folder / f"load-{plan.process}"
        self._recording = stem.with_suffix(".recording.jsonl")
        self._log = stem.with_suffix(".log")
        self._scenario = plan.scenario
        number = f" {plan.process + 1} of {plan.processes}" if plan.processes > 1 else ""
        self.name = f"load generator{number}"
        self._recording.unlink(missing_ok=True)
        plan_file = stem.with_suffix(".plan.json")
        plan_file.write_text(plan.dumps(), encoding="utf-8")
        arguments = [
            *("-f", str(processes.ROOT / "loadtests" / "locustfile.py")),
            "--headless",
            *("--users", str(plan.users), "--spawn-rate", str(plan.users)),
            *("--host", "http://127.0.0.1"),
            *("--loglevel", "WARNING", "--only-summary"),
            *("--plan", str(plan_file), "--recording", str(self._recording)),
            plan.scenario.title().replace("-", ""),
        ]
        # A ~/.locust.conf of the user's would change the load.
        self.process = processes.start("locust", arguments, log=self._log, environment={"HOME": str(folder)})
        if self.process.stdout is not None:
            os.set_blocking(self.process.stdout.fileno(), False)

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    def recorded(self) -> Recording:
        """What it recorded, as far as it came."""
        return recorded(self._recording, self._scenario)

    def report(self, read: Callable[[Iterable[str]], ReportT]) -> ReportT:
        """What it recorded, to the end.

        Args:
            read: Makes it from the lines.

        Raises:
            InvalidMeasurementError: It wrote no report, or not the end of it.
        """
        if not self._recording.exists() or not self._recording.stat().st_size:
            raise self.failure()
        with self._recording.open(encoding="utf-8") as lines:
            report = read(lines)
        if not report.complete:
            raise self.failure()
        return report

    def failure(self) -> InvalidMeasurementError:
        """The error that says how it ended before its report."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        code = self.process.returncode
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        words = processes.last_words(self._log.read_text(errors="replace"))
        return InvalidMeasurementError(f"the {self.name} ended without its final report ({how}): {words}")


def recorded(file: Path, scenario: str) -> Recording:
    """The recording in a file; an empty one that is not complete where there is none."""
    try:
        with file.open(encoding="utf-8") as lines:
            return Recording.read(lines)
    except (FileNotFoundError, ValueError):
        return Recording(scenario, (), complete=False)


class Edges:
    """The lines to the load processes: none goes on from an edge before all are there."""

    def __init__(self, listener: socket.socket, load: Sequence[Member], rig: Rig) -> None:
        self._listener = listener
        self._load = load
        self._rig = rig
        self._connections: list[socket.socket] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def attend(self, accountant: Accountant, watch: Watch, on_slot: OnSlot) -> None:
        """Answer at every edge, until the load processes hang up.

        Raises:
            InvalidMeasurementError: One hung up before the others.
        """
        self._meet()
        while words := self._edge():
            self._rig.check_alive()
            match words[0]:
                case ["begin", _, instance]:
                    accountant.begin(int(instance))
                case ["end", slot, instance, _, _]:
                    accountant.end(int(slot), int(instance))
                    watch.look()
                    requests = sum(int(one[3]) for one in words)
                    on_slot(int(slot) + 1, int(instance), requests, max(int(one[4]) for one in words))
                case _:
                    raise AssertionError(f"unknown edge: {words}")
            for connection in self._connections:
                with suppress(BrokenPipeError, ConnectionResetError):  # it is missed at the next edge
                    connection.sendall(b".")

    def agree(self, lead_ns: int) -> int:
        """Wait until the load of an incident is ready, and tell it when to begin.

        Args:
            lead_ns: How far ahead that moment is.

        Returns:
            The moment, by `perf_counter_ns`, which is one clock for all processes.

        Raises:
            InvalidMeasurementError: The load hung up.
        """
        self._meet()
        for one, connection in zip(self._load, self._connections, strict=True):
            if not self._line(connection):
                raise one.failure()
        start_ns = time.perf_counter_ns() + lead_ns
        for connection in self._connections:
            with suppress(BrokenPipeError, ConnectionResetError):  # its process is missed soon
                connection.sendall(b"%d\n" % start_ns)
        return start_ns

    def _meet(self) -> None:
        """Wait until all have called."""
        called: dict[int, socket.socket] = {}
        self._listener.settimeout(_LOOK_UP_S)
        since = time.monotonic()
        while len(called) < len(self._load):
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                for one in self._load:
                    if one.has_ended():
                        raise one.failure() from None
                self._check_silence(since)
                continue
            connection.settimeout(_LOOK_UP_S)
            self._open.enter_context(connection)
            if number := self._line(connection):
                called[int(number)] = connection
        self._connections = [called[number] for number in range(len(self._load))]

    def _edge(self) -> list[list[str]]:
        """What each says at the next edge, in words; nothing once all have hung up."""
        said = [self._line(connection) for connection in self._connections]
        if not any(said):
            return []
        for one, line in zip(self._load, said, strict=True):
            if not line:
                raise one.failure()
        words = [line.decode().split() for line in said]
        if len({tuple(one[:3]) for one in words}) != 1:
            raise AssertionError(f"load processes at different edges: {words}")
        return words

    def _line(self, connection: socket.socket) -> bytes:
        """One line; empty where the other end is gone. It is all that was sent: the other end now waits."""
        since = time.monotonic()
        line = b""
        while not line.endswith(b"\n"):
            try:
                data = connection.recv(4096)
            except TimeoutError:
                self._check_silence(since)
                continue
            except ConnectionResetError:
                return b""
            if not data:
                return b""
            line += data
        return line

    def _check_silence(self, since: float) -> None:
        self._rig.check_alive()
        silent_s = time.monotonic() - since
        if silent_s > _KNOCK_AFTER_S:
            self._rig.check_reachable()
        if silent_s > _SILENCE_S:
            raise EnvironmentFailedError(f"the load generator has said nothing for {_SILENCE_S} s.")
