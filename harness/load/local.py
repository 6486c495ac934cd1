"""Locust as one or several subprocesses, each with its share of a plan."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, Self, TypeVar

from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.protocol.plan import Plan
from harness.protocol.recording import Recording
from harness.system import cpus as system_cpus
from harness.system import processes, signals
from harness.testbed.sampler import ProcessSampler

#: Begins the line in which `loadtests/slots.py` says why it gave up.
_REASON: Final = "load generator failed: "


class LocalProcesses:
    """Load processes of our own, with their shares of a plan; they end with the context.

    Args:
        plan: The whole of it.
        folder: For plans, recordings and logs.
        watch: Follows each.
        count: How many there are to be.
        cpus: Where, in turn; none: not pinned.
    """

    def __init__(
        self, plan: Plan, folder: Path, watch: ProcessSampler, count: int, cpus: Sequence[int]
    ) -> None:
        self.members: list[LoadProcess] = []
        self._plan = plan
        self._folder = folder
        self._watch = watch
        self._count = count
        self._cpus = cpus

    def __enter__(self) -> Self:
        try:
            for share in self._plan.shared(self._count):
                with signals.deferred():
                    self.members.append(LoadProcess(share, self._folder))
                pid = self.members[-1].process.pid
                self._watch.follow(self.members[-1].name, pid)
                if self._cpus:
                    system_cpus.pin(pid, (self._cpus[share.process % len(self._cpus)],))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        processes.terminate([one.process for one in self.members])

    def wait(self) -> None:
        """Until all have ended after their last slot."""
        try:
            for one in self.members:
                one.process.wait(timeout=30)
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailedError("Locust did not end after its last slot.") from error


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


class ProcessReport(Protocol):
    """What a load process wrote, whatever it is of."""

    @property
    def complete(self) -> bool:
        """False where its end is missing."""


ReportT = TypeVar("ReportT", bound=ProcessReport)


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
        said = self._log.read_text(errors="replace")
        # Behind its own reason Locust prints its tables.
        reasons = [line for line in said.splitlines() if line.startswith(_REASON)]
        words = reasons[0].removeprefix(_REASON) if reasons else processes.last_lines(said)
        return InvalidMeasurementError(f"the {self.name} ended without its final report ({how}): {words}")


def recorded(file: Path, scenario: str) -> Recording:
    """The recording in a file; an empty one that is not complete where there is none."""
    try:
        with file.open(encoding="utf-8") as lines:
            return Recording.read(lines)
    except (FileNotFoundError, ValueError):
        return Recording(scenario, (), complete=False)
