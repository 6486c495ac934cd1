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

#: Prefix of the line with the reason of an early end, written by `loadtests/locustfile.py`.
_REASON: Final = "load generator failed: "


class LocalProcesses:
    """Local load processes with their shares of a plan; they end with the context.

    Args:
        plan: The whole plan.
        folder: Folder for plans, recordings and logs.
        sampler: Follows each process.
        count: Number of processes.
        cpus: CPUs to pin them to, in turn; none: not pinned.
    """

    def __init__(
        self, plan: Plan, folder: Path, sampler: ProcessSampler, count: int, cpus: Sequence[int]
    ) -> None:
        self.members: list[LoadProcess] = []
        self._plan = plan
        self._folder = folder
        self._sampler = sampler
        self._count = count
        self._cpus = cpus

    def __enter__(self) -> Self:
        try:
            for share in self._plan.shared(self._count):
                with signals.deferred():
                    self.members.append(LoadProcess(share, self._folder))
                pid = self.members[-1].process.pid
                self._sampler.follow(self.members[-1].name, pid)
                if self._cpus:
                    system_cpus.pin(pid, (self._cpus[share.process % len(self._cpus)],))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        processes.terminate([member.process for member in self.members])

    def wait(self) -> None:
        """Wait until all have ended after their last slot."""
        try:
            for member in self.members:
                member.process.wait(timeout=30)
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailedError("Locust did not end after its last slot.") from error


class LoadPlan(Protocol):
    """The part of a plan that is needed to start a load process."""

    @property
    def scenario(self) -> str:
        """Return the name of the scenario."""

    @property
    def users(self) -> int:
        """Return the number of virtual users of this process."""

    @property
    def process(self) -> int:
        """Return the number of the load process that the plan is for."""

    @property
    def processes(self) -> int:
        """Return how many processes share the load."""

    def dumps(self) -> str:
        """Return the plan as JSON."""


class ProcessReport(Protocol):
    """Report of a load process, of any kind."""

    @property
    def complete(self) -> bool:
        """Whether its end is present."""


ReportT = TypeVar("ReportT", bound=ProcessReport)


class LoadProcess:
    """One Locust process with its share of a plan."""

    def __init__(self, plan: LoadPlan, folder: Path) -> None:
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
        # A ~/.locust.conf of the user would change the load.
        self.process = processes.start("locust", arguments, log=self._log, environment={"HOME": str(folder)})
        if self.process.stdout is not None:
            os.set_blocking(self.process.stdout.fileno(), False)

    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def recorded(self) -> Recording:
        """Return its recording, as far as it was written."""
        return recorded(self._recording, self._scenario)

    def report(self, read: Callable[[Iterable[str]], ReportT]) -> ReportT:
        """Return its complete report.

        Args:
            read: Parses the report from its lines.

        Raises:
            InvalidMeasurementError: It wrote no report, or an incomplete one.
        """
        if not self._recording.exists() or not self._recording.stat().st_size:
            raise self.failure()
        with self._recording.open(encoding="utf-8") as lines:
            report = read(lines)
        if not report.complete:
            raise self.failure()
        return report

    def failure(self) -> InvalidMeasurementError:
        """Return the error that describes its end before its report."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=5)
        code = self.process.returncode
        how = f"killed by signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        log_text = self._log.read_text(errors="replace")
        # After the reason Locust prints its tables.
        reasons = [line for line in log_text.splitlines() if line.startswith(_REASON)]
        reason = reasons[0].removeprefix(_REASON) if reasons else processes.last_lines(log_text)
        return InvalidMeasurementError(f"the {self.name} ended without its final report ({how}): {reason}")


def recorded(file: Path, scenario: str) -> Recording:
    """Return the recording in a file; an empty, incomplete one if there is none."""
    try:
        with file.open(encoding="utf-8") as lines:
            return Recording.read(lines)
    except (FileNotFoundError, ValueError):
        return Recording(scenario, (), complete=False)
