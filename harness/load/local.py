"""Locust as one or several subprocesses, each with its share of a plan."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.protocol.incidents import IncidentPlan, Timeline
from harness.protocol.plan import Plan
from harness.protocol.recording import Recording
from harness.system import cpus as system_cpus
from harness.system import processes, signals

#: Prefix of the line with the reason of an early end, written by `loadtests/locustfile.py`.
_REASON: Final = "load generator failed: "


@contextmanager
def load_processes(
    plans: Sequence[Plan | IncidentPlan], folder: Path, cpus: Sequence[int]
) -> Iterator[list[LoadProcess]]:
    """Run load processes within the context.

    Args:
        plans: The plan of each process.
        folder: Folder for plans, recordings and logs.
        cpus: CPUs to pin them to, in turn; none: not pinned.
    """
    started: list[LoadProcess] = []
    try:
        for number, plan in enumerate(plans):
            with signals.deferred():
                started.append(LoadProcess(plan, folder))
            if cpus:
                system_cpus.pin(started[number].process.pid, (cpus[number % len(cpus)],))
        yield started
    finally:
        processes.terminate([member.process for member in started])


class LoadProcess:
    """One Locust process with its share of a plan."""

    def __init__(self, plan: Plan | IncidentPlan, folder: Path) -> None:
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

    def wait(self) -> None:
        """Wait until it has ended after its last slot."""
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired as error:
            raise EnvironmentFailedError("Locust did not end after its last slot.") from error

    def recorded(self) -> Recording:
        """Return its recording, as far as it was written."""
        return recorded(self._recording, self._scenario)

    def timeline(self) -> Timeline:
        """Return its complete timeline of an incident.

        Raises:
            InvalidMeasurementError: It wrote none, or an incomplete one.
        """
        if not self._recording.exists() or not self._recording.stat().st_size:
            raise self.failure()
        with self._recording.open(encoding="utf-8") as lines:
            timeline = Timeline.read(lines)
        if not timeline.complete:
            raise self.failure()
        return timeline

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
