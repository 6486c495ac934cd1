"""One trial: two arms whose difference is known, judged by a run, and then the way that people usually do."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.errors import EnvironmentFailedError, InvalidMeasurementError
from harness.measure.options import Options
from harness.measure.progress import Reporter
from harness.measure.run import Run
from harness.results.base import Status
from harness.results.model import Result
from harness.studies.calibration.trial_kinds import RATES, Disturbance, Probe, Trial, TrialKind
from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import EngineCase
from harness.studies.load_engine.runner import EngineRunner
from harness.suites import catalog
from harness.suites.arms import Arm, SchemeEntry
from harness.suites.model import Load, Scenario, Suite
from harness.system import cpus, processes, signals, temp_folders
from harness.system.source_tree import OURS, Tree
from harness.testbed.rig import Rig

PLAIN, CHANGED = "plain", "changed"
#: Two arms only, so there is room for many instances of each.
_INSTANCES: Final = 16
_SECONDS: Final = 20
_WARMUP_REQUESTS: Final = 400
#: A trial may not go on for ever.
_LIMIT_S: Final = 300
#: As long as people who compare two servers by hand let a tool run, at least.
_USUAL_S: Final = 5
_USUAL: Final = ("wrk", "fast-http-user")
#: When the neighbour begins: half-way through the slots, logins and warm-up before them.
_NEIGHBOUR_AFTER_S: Final = 15.0
_PROBE_ROUNDS: Final = 1000
#: How often a probe is tried.
_PROBES: Final = 3
#: For how many seconds what one trial found of requests and turns serves for the next.
_LAST_S: Final = 300
_SLOWED: Final = "calibration.slowed"


class Trials:
    """Makes trials, without a word."""

    def __init__(self) -> None:
        self._schemes = catalog.schemes()
        self._last: tuple[float, Probe] | None = None

    def probe(self, scheme: str = "token") -> Probe:
        """Measure a request to a scheme and a turn of the loop, so that per cent become turns.

        It is measured again where a burst of something else spoilt it.

        Raises:
            BenchError: It could not be measured.
        """
        for _ in range(_PROBES - 1):
            with suppress(InvalidMeasurementError):
                return self._probe(scheme)
        return self._probe(scheme)

    def _probe(self, scheme: str) -> Probe:
        kind = TrialKind("probe", "a probe", scheme=scheme)
        with folder() as place:
            arms = _arms(self._schemes[kind.scheme], _PROBE_ROUNDS, kind, place)
            result = self._run(kind, arms, seed=1, instances=4, seconds=5)
            if not result.valid:
                raise InvalidMeasurementError(
                    f"what a request takes could not be measured: {', '.join(_checks(result, 'invalid'))}."
                    " Repeat in a quieter hour; `bench.py doctor` says what disturbs."
                )
            return Probe(
                server_cpu_us=_value(result, PLAIN, "server_cpu"),
                round_ns=(_work_ns(place, CHANGED) - _work_ns(place, PLAIN)) / _PROBE_ROUNDS,
            )

    def make(self, kind: TrialKind, seed: int) -> Trial:
        """One trial, its work as large as it should be on this machine now.

        Raises:
            BenchError: It could not be measured at all; a run that is invalid is a trial without a verdict.
        """
        started_at = datetime.now(UTC)
        probe = (self._from_last(kind) or self.probe(kind.scheme)) if kind.added else None
        rounds = 0 if probe is None else probe.rounds(kind)
        with folder() as place:
            arms = _arms(self._schemes[kind.scheme], rounds, kind, place)
            result = self._run(kind, arms, seed, instances=_INSTANCES, seconds=_SECONDS)
            seconds = result.run.wall_s
            measured_added = None
            if kind.added:
                added_ns = _work_ns(place, CHANGED) - _work_ns(place, PLAIN)
                plain_us = _value(result, PLAIN, "server_cpu")
                measured_added = added_ns / 1e3 / plain_us
                if kind in RATES:
                    now = Probe(server_cpu_us=plain_us, round_ns=added_ns / rounds)
                    self._last = (time.monotonic(), now) if result.valid else None
            usual = _usually(arms.values()) if kind in RATES else {}
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
            seconds=seconds,
            probe=probe,
            measured_added=measured_added,
            invalid=_checks(result, "invalid"),
            warned=_checks(result, "warning"),
            memory=_value(result, CHANGED, "server_rss") / _value(result, PLAIN, "server_rss"),
            usual=usual,
        )

    def _from_last(self, kind: TrialKind) -> Probe | None:
        """What a trial minutes ago found, with more servers and for longer than a probe; None without one."""
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
        with folder() as out, Reporter(Console(quiet=True)) as reporter:
            options = Options(out, seed=seed, until_decided_s=_LIMIT_S, beside=_beside(kind.beside))
            return Run(suite, options).run(arms, reporter)


def _arms(scheme: SchemeEntry, rounds: int, kind: TrialKind, place: Path) -> dict[str, Arm]:
    """Both arms: the very same servers, copies of them, or both wrapped alike, one with more to do."""
    if kind.farther:
        return _copies(scheme, kind, place)
    if kind.is_same and not rounds:
        return {name: Arm(name, scheme) for name in (PLAIN, CHANGED)}
    idle = {arm: _orders(place / arm, every=kind.every) for arm in (PLAIN, CHANGED)}
    busy = _orders(place / CHANGED, rounds=rounds, every=kind.every, leak=kind.leak)
    variants = (busy, *[idle[CHANGED]] * (kind.of_instances - 1))
    return {
        PLAIN: Arm(PLAIN, scheme, _SLOWED, (idle[PLAIN],)),
        CHANGED: Arm(CHANGED, scheme, _SLOWED, variants),
    }


def _copies(scheme: SchemeEntry, kind: TrialKind, place: Path) -> dict[str, Arm]:
    """Servers whose code is the same to the byte, and the paths to it are not equally long."""
    arms = {}
    for name, letters in ((PLAIN, 1), (CHANGED, 1 + kind.farther)):
        tree = Tree(place.resolve() / ("c" * letters))
        shutil.copytree(OURS.package, tree.package, ignore=shutil.ignore_patterns("__pycache__"))
        arms[name] = Arm(name, scheme, tree=tree, path_lengths=kind.path_lengths)
    return arms


def _orders(tallies: Path, *, rounds: int = 0, every: int = 1, leak: int = 0) -> tuple[str, ...]:
    """What a wrapped server is told to do; its folder for tallies is made."""
    tallies.mkdir(exist_ok=True)
    numbers = {"--rounds": rounds, "--every": every, "--leak": leak}
    words = [word for name, number in numbers.items() for word in (name, str(number))]
    return ("--tallies", str(tallies), *words)


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder that counts as left over should this process be killed."""
    with signals.deferred():
        place, owner = temp_folders.make_folder()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if owner is not None:
            owner.release()


def _work_ns(tallies: Path, arm: str) -> float:
    """What the work took a request, clock included: the mean over instances of their medians."""
    told = [json.loads(file.read_text(encoding="utf-8")) for file in (tallies / arm).iterdir()]
    took: list[float] = [one["work_ns"] for one in told if one["work_ns"] is not None]
    if not took:
        raise EnvironmentFailedError(f"no server of {arm} told what its work took")
    return sum(took) / len(took)


def _value(result: Result, arm: str, metric: str) -> float:
    values = [row.value for row in result.measurements if (row.arm, row.metric) == (arm, metric)]
    if not values:
        raise InvalidMeasurementError(f"nothing was recorded of {arm}; run it again.")
    return values[0]


def _checks(result: Result, status: Status) -> list[str]:
    """The checks that came out so, each once."""
    return sorted({check.check for check in result.validity if check.status == status})


def _usually(arms: Iterable[Arm]) -> dict[str, tuple[float, float]]:
    """Requests a second of one server of each arm, one after the other, by each tool."""
    found: dict[str, tuple[float, float]] = {}
    with EngineRunner(arms, 1) as ring:
        for tool in _USUAL:
            if tool == "wrk" and not wrk.is_there():
                continue
            rates = []
            for number in (0, 1):
                [(_, outcome)] = ring.fight([EngineCase(tool, "/api/restricted")], number, _USUAL_S)
                if outcome.errors:
                    raise EnvironmentFailedError(f"{tool} saw {outcome.errors} errors where there are none.")
                rates.append(outcome.throughput)
            found[tool] = (rates[0], rates[1])
    return found


def _beside(disturbance: Disturbance) -> Callable[[Rig], AbstractContextManager[None]]:
    """What goes on beside the load of a rig."""

    @contextmanager
    def going_on(rig: Rig) -> Iterator[None]:
        if not disturbance:
            yield
            return
        words = {
            "neighbour": ["--after", str(_NEIGHBOUR_AFTER_S)],
            "stutter": [str(rig.store.pid)],
        }[disturbance]
        log = rig.folder / f"{disturbance}.log"
        started: list[subprocess.Popen[bytes]] = []
        try:
            with signals.deferred():
                started.append(processes.start(f"calibration.{disturbance}", words, log=log))
            cpus.pin(started[0].pid, rig.placement.servers)
            yield
        finally:
            processes.terminate(started)

    return going_on
