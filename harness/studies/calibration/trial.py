"""A trial: two arms with a known difference, judged by a run, then by back-to-back runs of other tools."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.measure.options import Options
from harness.measure.run import Run
from harness.results.base import Status
from harness.results.model import Result
from harness.studies.calibration.trial_kinds import RATES, Disturbance, Probe, Trial, TrialKind
from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import EngineCase
from harness.studies.load_engine.runner import EngineRunner, engine_runner
from harness.suites import catalog
from harness.suites.arms import Arm, SchemeEntry
from harness.suites.model import Load, Scenario, Suite
from harness.system import cpus, processes
from harness.system.source_tree import OURS, Tree
from harness.system.temp_folders import temp_folder
from harness.testbed.rig import Rig

PLAIN, CHANGED = "plain", "changed"
#: Instances per arm; with only two arms there can be many.
_INSTANCES: Final = 16
_SECONDS: Final = 20
_WARMUP_REQUESTS: Final = 400
#: Time limit of a trial in seconds.
_LIMIT_S: Final = 300
#: Duration of a back-to-back run in seconds, at least as long as in manual comparisons, and its tools.
_USUAL_S: Final = 5
_USUAL: Final = ("wrk", "fast-http-user")
#: Start of the neighbour in seconds: half-way through the slots, with the logins and warm-up before them.
_NEIGHBOUR_AFTER_S: Final = 15.0
_PROBE_ROUNDS: Final = 1000
#: Attempts of a probe.
_PROBES: Final = 3
#: Seconds for which the times measured by a trial are valid for the next one.
_LAST_S: Final = 300
_SLOWED: Final = "calibration.slowed"


class Trials:
    """Maker of trials, without console output."""

    def __init__(self) -> None:
        self._schemes = catalog.schemes()
        self._last: tuple[float, Probe] | None = None

    def probe(self, scheme: str = "token") -> Probe:
        """Measure a request to a scheme and an iteration of the loop, to convert per cent to iterations.

        An invalid measurement is repeated.

        Raises:
            BenchError: The times could not be measured.
        """
        for _ in range(_PROBES - 1):
            with suppress(InvalidMeasurementError):
                return self._probe(scheme)
        return self._probe(scheme)

    def _probe(self, scheme: str) -> Probe:
        kind = TrialKind("probe", "a probe", scheme=scheme)
        with temp_folder() as path:
            arms = _arms(self._schemes[kind.scheme], _PROBE_ROUNDS, kind, path)
            result = self._run(kind, arms, seed=1, instances=4, seconds=5)
            if not result.valid:
                raise InvalidMeasurementError(
                    f"the CPU of a request could not be measured: {', '.join(_checks(result, 'invalid'))}."
                    " Repeat on an idle machine; `bench.py doctor` lists sources of noise."
                )
            return Probe(
                server_cpu_us=_value(result, PLAIN, "server_cpu"),
                round_ns=(_work_ns(path, CHANGED) - _work_ns(path, PLAIN)) / _PROBE_ROUNDS,
            )

    def make(self, kind: TrialKind, seed: int) -> Trial:
        """Make one trial, with added work in proportion to the current speed of this machine.

        Raises:
            BenchError: The run failed; an invalid run is a trial without a verdict.
        """
        started_at = datetime.now(UTC)
        probe = (self._from_last(kind) or self.probe(kind.scheme)) if kind.added else None
        rounds = 0 if probe is None else probe.rounds(kind)
        with temp_folder() as path:
            arms = _arms(self._schemes[kind.scheme], rounds, kind, path)
            result = self._run(kind, arms, seed, instances=_INSTANCES, seconds=_SECONDS)
            measured_added = None
            if kind.added:
                added_ns = _work_ns(path, CHANGED) - _work_ns(path, PLAIN)
                plain_us = _value(result, PLAIN, "server_cpu")
                measured_added = added_ns / 1e3 / plain_us
                if kind in RATES:
                    now = Probe(server_cpu_us=plain_us, round_ns=added_ns / rounds)
                    self._last = (time.monotonic(), now) if result.valid else None
            usual = _back_to_back(arms.values()) if kind in RATES else {}
        row = next((row for row in result.comparisons if row.primary), None)
        return Trial(
            kind=kind.name,
            seed=seed,
            started_at=started_at.isoformat(timespec="seconds"),
            revision=result.environment.git.revision,
            dirty=result.environment.git.dirty,
            verdict=row.verdict if row is not None and result.valid else None,
            ratio=None if row is None else row.ratio,
            ci=None if row is None else row.ci,
            looks=result.run.batches,
            seconds=result.run.wall_s,
            probe=probe,
            measured_added=measured_added,
            invalid=_checks(result, "invalid"),
            warned=_checks(result, "warning"),
            memory=_value(result, CHANGED, "server_rss") / _value(result, PLAIN, "server_rss"),
            usual=usual,
        )

    def _from_last(self, kind: TrialKind) -> Probe | None:
        """Return the times from a recent trial, which are more precise than a probe's; None without one."""
        if kind not in RATES or self._last is None or time.monotonic() - self._last[0] > _LAST_S:
            return None
        return self._last[1]

    def _run(
        self, kind: TrialKind, arms: dict[str, Arm], seed: int, *, instances: int, seconds: float
    ) -> Result:
        suite = Suite(
            name="calibration",
            title=kind.title,
            arms=[PLAIN, CHANGED],
            instances=instances,
            warmup_requests=_WARMUP_REQUESTS,
            scenarios=[Scenario(name="saturation", load=Load(model="closed"), seconds=seconds)],
        )
        with temp_folder() as out:
            options = Options(
                out, seed=seed, until_decided_s=_LIMIT_S, beside=partial(_disturbed, kind.beside)
            )
            return Run(suite, options).run(arms, Console(quiet=True), published=False)


def _arms(scheme: SchemeEntry, rounds: int, kind: TrialKind, path: Path) -> dict[str, Arm]:
    """Return both arms: the same servers, copies of them, or both wrapped alike and one with more work."""
    if kind.farther:
        return _copies(scheme, kind, path)
    if kind.is_same and not rounds:
        return {name: Arm(name, scheme) for name in (PLAIN, CHANGED)}
    idle = {arm: _arguments(path / arm, every=kind.every) for arm in (PLAIN, CHANGED)}
    busy = _arguments(path / CHANGED, rounds=rounds, every=kind.every, leak=kind.leak)
    variants = (busy, *[idle[CHANGED]] * (kind.of_instances - 1))
    return {
        PLAIN: Arm(PLAIN, scheme, _SLOWED, (idle[PLAIN],)),
        CHANGED: Arm(CHANGED, scheme, _SLOWED, variants),
    }


def _copies(scheme: SchemeEntry, kind: TrialKind, path: Path) -> dict[str, Arm]:
    """Return arms with identical copies of the servers' code, in paths of different length."""
    arms = {}
    for name, letters in ((PLAIN, 1), (CHANGED, 1 + kind.farther)):
        tree = Tree(path.resolve() / ("c" * letters))
        shutil.copytree(OURS.package, tree.package, ignore=shutil.ignore_patterns("__pycache__"))
        arms[name] = Arm(name, scheme, tree=tree, path_lengths=kind.path_lengths)
    return arms


def _arguments(tallies: Path, *, rounds: int = 0, every: int = 1, leak: int = 0) -> tuple[str, ...]:
    """Return the arguments of a wrapped server, and create its folder for tallies."""
    tallies.mkdir(exist_ok=True)
    numbers = {"--rounds": rounds, "--every": every, "--leak": leak}
    words = [word for name, number in numbers.items() for word in (name, str(number))]
    return ("--tallies", str(tallies), *words)


def _work_ns(tallies: Path, arm: str) -> float:
    """Return the time of the work per request, clock included: the mean of the instances' medians."""
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in (tallies / arm).iterdir()]
    times: list[float] = [report["work_ns"] for report in reports if report["work_ns"] is not None]
    if not times:
        raise EnvironmentFailedError(f"no server of {arm} reported the time of its added work")
    return sum(times) / len(times)


def _value(result: Result, arm: str, metric: str) -> float:
    values = [row.value for row in result.measurements if (row.arm, row.metric) == (arm, metric)]
    if not values:
        raise InvalidMeasurementError(f"nothing was recorded for {arm}: run it again.")
    return values[0]


def _checks(result: Result, status: Status) -> list[str]:
    """Return the names of the checks with this status, without duplicates."""
    return sorted({check.check for check in result.validity if check.status == status})


def _back_to_back(arms: Iterable[Arm]) -> dict[str, tuple[float, float]]:
    """Measure requests per second of one server of each arm, one after the other, with each tool."""
    tools = [tool for tool in _USUAL if tool != "wrk" or wrk.is_installed()]
    with engine_runner(arms, 1) as runner:
        return {tool: (_rate(runner, tool, 0), _rate(runner, tool, 1)) for tool in tools}


def _rate(runner: EngineRunner, tool: str, server: int) -> float:
    [(_, outcome)] = runner.run_trials([EngineCase(tool, "/api/restricted")], server, _USUAL_S)
    if outcome.errors:
        raise EnvironmentFailedError(f"{tool} reported {outcome.errors} unexpected errors.")
    return outcome.throughput


@contextmanager
def _disturbed(disturbance: Disturbance, rig: Rig) -> Iterator[None]:
    """Run a disturbance, if there is one, during the load."""
    if not disturbance:
        yield
        return
    words = {"neighbour": ["--after", str(_NEIGHBOUR_AFTER_S)], "stutter": [str(rig.store.pid)]}[disturbance]
    log = rig.folder / f"{disturbance}.log"
    with processes.running(f"calibration.{disturbance}", words, log=log) as process:
        cpus.pin(process.pid, rig.placement.servers)
        yield
