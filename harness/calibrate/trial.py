"""One trial: two arms whose difference is known, judged by a run, and then the way that people usually do."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console

from harness import catalog, interrupts, processes
from harness.calibrate.kinds import Disturbance, Kind, Probe, Trial
from harness.engine import wrk
from harness.engine.cases import Case
from harness.engine.ring import Ring
from harness.errors import EnvironmentFailedError
from harness.progress import Reporter
from harness.result import Comparison, Result
from harness.rig import Arm, Rig, Scheme
from harness.run import Measuring, Options
from harness.suite import Load, Scenario, Suite

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
_SLOWED: Final = "calibration.slowed"


class Trials:
    """Makes trials.

    Args:
        console: Told how each goes.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._schemes = catalog.schemes()

    def probe(self) -> Probe:
        """Measure a request and a turn of the loop, so that per cent become turns.

        Raises:
            BenchError: It could not be measured.
        """
        kind = Kind("probe", "a probe")
        with _tallies() as folder:
            arms = _arms(self._schemes[kind.scheme], _PROBE_ROUNDS, kind, folder)
            result = self._run(kind, arms, seed=1, instances=4, seconds=5)
            return Probe(
                server_cpu_us=_server_cpu_us(result),
                round_ns=(_work_ns(folder, CHANGED) - _work_ns(folder, PLAIN)) / _PROBE_ROUNDS,
            )

    def make(self, kind: Kind, probe: Probe, seed: int) -> Trial:
        """One trial.

        Raises:
            BenchError: It could not be measured at all; a run that is invalid is a trial without a verdict.
        """
        started_at = datetime.now(UTC)
        with _tallies() as folder:
            arms = _arms(self._schemes[kind.scheme], probe.rounds(kind), kind, folder)
            result = self._run(kind, arms, seed, instances=_INSTANCES, seconds=_SECONDS)
            seconds = result.run.wall_s
            measured_added = None
            if kind.added:
                added_ns = _work_ns(folder, CHANGED) - _work_ns(folder, PLAIN)
                measured_added = added_ns / 1e3 / _server_cpu_us(result)
            usual = _usually(arms.values())
        row = _primary(result)
        return Trial(
            kind=kind.name,
            seed=seed,
            started_at=started_at.isoformat(timespec="seconds"),
            revision=result.environment.git.revision,
            verdict=row.verdict if result.valid else None,
            ratio=row.ratio,
            ci=row.ci or (0.0, 0.0),
            looks=result.run.batches,
            seconds=seconds,
            measured_added=measured_added,
            invalid=sorted({check.check for check in result.validity if check.status == "invalid"}),
            warned=sorted({check.check for check in result.validity if check.status == "warning"}),
            usual=usual,
        )

    def _run(self, kind: Kind, arms: dict[str, Arm], seed: int, *, instances: int, seconds: float) -> Result:
        suite = Suite(
            name="calibration",
            title=kind.title,
            arms=[PLAIN, CHANGED],
            instances=instances,
            warmup_requests=_WARMUP_REQUESTS,
            scenarios=[Scenario(name="saturation", load=Load(model="closed"), seconds=seconds)],
        )
        with tempfile.TemporaryDirectory() as out, Reporter(self._console) as reporter:
            options = Options(Path(out), seed=seed, until_decided_s=_LIMIT_S, beside=_beside(kind.beside))
            return Measuring(suite, options).run(arms, reporter)


def _arms(scheme: Scheme, rounds: int, kind: Kind, tallies: Path) -> dict[str, Arm]:
    """Both arms: the very same servers, or both wrapped alike, one of them with more to do."""
    if kind.is_same and not rounds:
        return {name: Arm(name, scheme) for name in (PLAIN, CHANGED)}
    idle = {arm: _told(tallies / arm) for arm in (PLAIN, CHANGED)}
    busy = _told(tallies / CHANGED, rounds, kind.every, kind.leak)
    variants = (busy, *[idle[CHANGED]] * (kind.of_instances - 1))
    return {
        PLAIN: Arm(PLAIN, scheme, _SLOWED, (idle[PLAIN],)),
        CHANGED: Arm(CHANGED, scheme, _SLOWED, variants),
    }


def _told(tallies: Path, rounds: int = 0, every: int = 1, leak: int = 0) -> tuple[str, ...]:
    """What a wrapped server is told; its folder for tallies is made."""
    tallies.mkdir(exist_ok=True)
    numbers = {"--rounds": rounds, "--every": every, "--leak": leak}
    words = [word for name, number in numbers.items() for word in (name, str(number))]
    return ("--tallies", str(tallies), *words)


@contextmanager
def _tallies() -> Iterator[Path]:
    """A folder in which slowed servers say what their work took."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _work_ns(tallies: Path, arm: str) -> float:
    """What the work took a request, clock included: the mean over instances of their medians."""
    told = [json.loads(file.read_text(encoding="utf-8")) for file in (tallies / arm).iterdir()]
    took: list[float] = [one["work_ns"] for one in told if one["work_ns"] is not None]
    if not took:
        raise EnvironmentFailedError(f"no server of {arm} told what its work took")
    return sum(took) / len(took)


def _server_cpu_us(result: Result) -> float:
    return next(r.value for r in result.measurements if (r.arm, r.metric) == (PLAIN, "server_cpu"))


def _primary(result: Result) -> Comparison:
    return next(row for row in result.comparisons if row.primary)


def _usually(arms: Iterable[Arm]) -> dict[str, tuple[float, float]]:
    """Requests a second of one server of each arm, one after the other, by each tool."""
    found: dict[str, tuple[float, float]] = {}
    with Ring(arms, 1) as ring:
        for tool in _USUAL:
            if tool == "wrk" and not wrk.is_there():
                continue
            case = Case(tool, "/api/restricted")
            plain, changed = (
                median(outcome.throughput for _, outcome in ring.fight([case], number, _USUAL_S))
                for number in (0, 1)
            )
            found[tool] = (plain, changed)
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
            "stutter": [str(rig.store_pid)],
        }[disturbance]
        with interrupts.held():
            process = processes.start(
                f"calibration.{disturbance}", words, log=rig.folder / f"{disturbance}.log"
            )
        try:
            processes.pin(process.pid, rig.placement.servers)
            yield
        finally:
            processes.end([process])

    return going_on
