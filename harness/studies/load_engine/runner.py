"""Runs each load generator against the same servers and a target with known latencies."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast

from harness.errors import EnvironmentFailedError
from harness.protocol.plan import Target
from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import EngineCase, TrialOutcome
from harness.suites.arms import Arm
from harness.system import cpus, processes
from harness.system.cpus import place
from harness.testbed.cpu_clock import cpu_ns
from harness.testbed.launcher import Instance, ServerOptions
from harness.testbed.rig import Rig
from servers.contract import authority

_WARMUP_S: Final = 0.3
_PERCENTS: Final = {"p50": 0.50, "p90": 0.90, "p99": 0.99}


@dataclass(frozen=True)
class EngineRunner:
    """Runs engines.

    Attributes:
        rig: Servers, running.
        target: Process of the target with known latencies.
        target_port: Its port.
        credential: Headers of an account's requests, and its id.
    """

    rig: Rig
    target: subprocess.Popen[bytes]
    target_port: int
    credential: Mapping[str, str]

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
        return run(cases, self.rig.instances[number % len(self.rig.instances)], seconds)

    def _run_wrk(
        self, cases: Sequence[EngineCase], instance: Instance, seconds: int
    ) -> Iterator[tuple[EngineCase, TrialOutcome]]:
        for case in cases:
            url = f"http://{authority(instance.target.host, instance.target.port)}{case.path}"
            usage = _cpu_usage(instance.pid)
            counted = wrk.run(case, url, self._headers(case), seconds, self.rig.placement.load)
            yield case, TrialOutcome(**counted, server_busy=usage(), truth={})

    def _run_locust(
        self, cases: Sequence[EngineCase], instance: Instance, seconds: int
    ) -> Iterator[tuple[EngineCase, TrialOutcome]]:
        file = self.rig.folder / "trials.json"
        log = self.rig.folder / "trials.log"
        trials = [self._trial(case, instance.target, seconds) for case in cases]
        file.write_text(json.dumps(trials), encoding="utf-8")
        with processes.running("loadtests.engine_trial", [str(file)], log=log) as engine:
            cpus.pin(engine.pid, self.rig.placement.load)
            for case in cases:
                _expect("begin", engine, log)
                usage = _cpu_usage(self.target.pid if case.has_truth else instance.pid)
                if case.has_truth:
                    self._read_truth()
                _expect("end", engine, log)
                truth = self._read_truth() if case.has_truth else {}
                busy = usage()
                yield case, TrialOutcome(**json.loads(_line(engine, log)), server_busy=busy, truth=truth)

    def _trial(self, case: EngineCase, target: Target, seconds: int) -> dict[str, Any]:
        return {
            "engine": case.engine,
            "host": target.host,
            "port": self.target_port if case.has_truth else target.port,
            "path": case.path,
            "headers": self._headers(case),
            "account_id": "nobody" if case.has_truth else self.credential["account_id"],
            "connections": case.connections,
            "rate": case.rate,
            "warmup_s": _WARMUP_S,
            # Longer, so that the slowest 1 % are more than a handful at the low rates of these cases.
            "seconds": 2 * seconds if case.has_truth else seconds,
        }

    def _headers(self, case: EngineCase) -> str:
        return str(self.credential["headers"]) if case.path.startswith("/api/") else ""

    def _read_truth(self) -> Mapping[str, float]:
        """Return the true percentiles (µs) of the target's responses since the last call."""
        connection = http.client.HTTPConnection("127.0.0.1", self.target_port, timeout=10)
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


@contextmanager
def engine_runner(arms: Iterable[Arm], instances: int) -> Iterator[EngineRunner]:
    """Start this many servers of each arm, and the target, for the context."""
    placement = place(cpus.usable_cpus())
    with Rig(arms, ServerOptions(users=1), instances=instances, placement=placement) as rig:
        log = rig.folder / "target.log"
        with processes.running("calibration.target", [], log=log) as target:
            cpus.pin(target.pid, placement.servers)
            port = int(json.loads(_line(target, log))["port"])
            first = rig.instances[0].target
            credential = processes.run_module("loadtests.credential", [first.host, str(first.port)])
            yield EngineRunner(rig, target, port, json.loads(credential))


def _cpu_usage(pid: int) -> Callable[[], float]:
    """Return a function that returns the CPU usage of a process since now."""
    before_ns, since_ns = cpu_ns(pid), time.perf_counter_ns()
    return lambda: (cpu_ns(pid) - before_ns) / (time.perf_counter_ns() - since_ns)


def _expect(word: str, engine: subprocess.Popen[bytes], log: Path) -> None:
    line = _line(engine, log)
    if line.strip() != word.encode():
        raise AssertionError(f"expected {word}, but the engine printed {line!r}")


def _line(process: subprocess.Popen[bytes], log: Path) -> bytes:
    """Return the next line printed by one of our programs."""
    if not (line := cast(IO[bytes], process.stdout).readline()):
        process.wait(timeout=10)
        raise EnvironmentFailedError(
            f"a program ended early with exit code {process.returncode}:"
            f" {processes.last_lines(log.read_text(errors='replace'))}"
        )
    return line
