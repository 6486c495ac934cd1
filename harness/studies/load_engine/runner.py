"""Runs each load generator against the same servers and a target with known latencies."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from harness.errors import EnvironmentFailedError
from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import EngineCase, TrialOutcome
from harness.suites.arms import Arm
from harness.system import cpus, processes, signals
from harness.system.cpus import place
from harness.testbed.launcher import ServerOptions
from harness.testbed.meters import cpu_ns
from harness.testbed.rig import Rig

_WARMUP_S: Final = 0.3
_PERCENTS: Final = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


class EngineRunner:
    """Context manager of servers and the target, which run until its end.

    Args:
        arms: Arms to start servers for.
        instances: Number of servers per arm.
    """

    def __init__(self, arms: Iterable[Arm], instances: int) -> None:
        self._arms = list(arms)
        self._instances = instances
        self._placement = place(cpus.usable_cpus())
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._rig = self._stack.enter_context(
                Rig(
                    self._arms,
                    ServerOptions(users=1),
                    instances=self._instances,
                    placement=self._placement,
                )
            )
            with signals.deferred():
                self._target = processes.start("calibration.target", [], log=self._rig.folder / "target.log")
                self._stack.callback(processes.terminate, [self._target])
            cpus.pin(self._target.pid, self._placement.servers)
            self._target_port = int(json.loads(_line(self._target, self._rig.folder / "target.log"))["port"])
            first = self._rig.instances[0].target
            self._credential = json.loads(
                processes.run_module("loadtests.credential", [first.host, str(first.port)])
            )
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run_trials(
        self, cases: Sequence[EngineCase], number: int, seconds: int
    ) -> Iterator[tuple[EngineCase, TrialOutcome]]:
        """Run all cases of one engine, one after the other, in a fresh process of the engine.

        Args:
            cases: Cases of the engine.
            number: Number that selects the server.
            seconds: Duration of the measured part of each case.

        Raises:
            EnvironmentFailedError: The engine or a server failed.
        """
        run = self._run_wrk if cases[0].engine == "wrk" else self._run_locust
        yield from run(cases, number % len(self._rig.instances), seconds)

    def _run_wrk(
        self, cases: Sequence[EngineCase], server: int, seconds: int
    ) -> Iterator[tuple[EngineCase, TrialOutcome]]:
        instance = self._rig.instances[server]
        for case in cases:
            url = f"http://{instance.target.host}:{instance.target.port}{case.path}"
            usage = _CpuUsage(instance.pid)
            counted = wrk.run(case, url, self._headers(case), seconds, self._placement.load)
            yield case, TrialOutcome(**counted, server_busy=usage.share(), truth={})

    def _run_locust(
        self, cases: Sequence[EngineCase], server: int, seconds: int
    ) -> Iterator[tuple[EngineCase, TrialOutcome]]:
        instance = self._rig.instances[server]
        file = self._rig.folder / "trials.json"
        log = self._rig.folder / "trials.log"
        file.write_text(json.dumps([self._trial(case, server, seconds) for case in cases]), encoding="utf-8")
        with signals.deferred():
            engine = processes.start("loadtests.engine_trial", [str(file)], log=log)
        try:
            cpus.pin(engine.pid, self._placement.load)
            for case in cases:
                _expect("begin", engine, log)
                usage = _CpuUsage(self._target.pid if case.has_truth else instance.pid)
                if case.has_truth:
                    self._read_truth()
                _expect("end", engine, log)
                truth = self._read_truth() if case.has_truth else {}
                busy = usage.share()
                yield case, TrialOutcome(**json.loads(_line(engine, log)), server_busy=busy, truth=truth)
        finally:
            processes.terminate([engine])

    def _trial(self, case: EngineCase, server: int, seconds: int) -> dict[str, Any]:
        target = self._rig.instances[server].target
        return {
            "engine": case.engine,
            "host": target.host,
            "port": self._target_port if case.has_truth else target.port,
            "path": case.path,
            "headers": self._headers(case),
            "account_id": "nobody" if case.has_truth else self._credential["account_id"],
            "connections": case.connections,
            "rate": case.rate,
            "warmup_s": _WARMUP_S,
            # Longer, so that the slowest 1 % are more than a handful at the low rates of these cases.
            "seconds": 2 * seconds if case.has_truth else seconds,
        }

    def _headers(self, case: EngineCase) -> str:
        return str(self._credential["headers"]) if case.path.startswith("/api/") else ""

    def _read_truth(self) -> Mapping[str, float]:
        """Return the true percentiles (µs) of the target's responses since the last call."""
        connection = http.client.HTTPConnection("127.0.0.1", self._target_port, timeout=10)
        try:
            connection.request("GET", "/truth")
            times = sorted(json.loads(connection.getresponse().read()))
        except (OSError, http.client.HTTPException) as error:
            raise EnvironmentFailedError(
                f"the target with known latencies does not answer: {error}"
            ) from error
        finally:
            connection.close()
        return {
            name: times[int(share * (len(times) - 1))] / 1e3 for name, share in _PERCENTS.items() if times
        }


class _CpuUsage:
    """CPU usage of a process since the creation of this object."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu_ns = cpu_ns(pid)
        self._since_ns = time.perf_counter_ns()

    def share(self) -> float:
        return (cpu_ns(self._pid) - self._cpu_ns) / (time.perf_counter_ns() - self._since_ns)


def _expect(word: str, engine: subprocess.Popen[bytes], log: Path) -> None:
    line = _line(engine, log)
    if line.strip() != word.encode():
        raise AssertionError(f"expected {word}, but the engine printed {line!r}")


def _line(process: subprocess.Popen[bytes], log: Path) -> bytes:
    """Return the next line printed by one of our programs."""
    if process.stdout is None:
        raise AssertionError("our programs are started with a pipe")
    line = process.stdout.readline()
    if not line:
        process.wait(timeout=10)
        raise EnvironmentFailedError(
            f"a program ended early with exit code {process.returncode}:"
            f" {processes.last_lines(log.read_text(errors='replace'))}"
        )
    return line
