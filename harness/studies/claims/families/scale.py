"""Claims about several server processes on one store: which scheme scales, and when the store limits it."""

from __future__ import annotations

import json
import math
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import redis

from harness.analysis.checks import BUSY_WARNING
from harness.analysis.stats import scaling, sweeps
from harness.analysis.stats.estimate import Estimate, geometric_mean, mean
from harness.report.content import format as fmt
from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import SCALE, SUITE, Claim, estimated, figure, inconclusive, judged
from harness.system import cpus as system_cpus
from harness.system import processes
from harness.system.cpus import Placement, place
from harness.testbed.store.server import SessionStore, StoreOptions

if TYPE_CHECKING:
    from harness.analysis.stats.scaling import ScalingStep
    from harness.results.model import Measurement, Result
    from harness.studies.lab import Lab

_WITH: Final = "cookie"
_WITHOUT: Final = "token"
#: Fresh stores that are loaded without servers, and the connections to each.
STORES: Final = 8
CONNECTIONS: Final = 16
_TIMEOUT_S: Final = 10


def stateless(lab: Lab) -> Outcome:
    """Judge how throughput grows with the number of processes, and what a session takes in the store."""
    return scales(lab.measured(SCALE), lab.measured(SUITE))


def scales(scaled: Result, populated: Result) -> Outcome:
    """Judge whether a token gains more from additional processes than a session.

    Args:
        scaled: Result of a run with servers of several processes.
        populated: Result of a run with many logged-in users.
    """
    token, cookie = (scaling.steps(scaled, arm) for arm in (_WITHOUT, _WITH))
    memory = {arm: _session_bytes(populated, arm) for arm in (_WITHOUT, _WITH)}
    figures = [
        *(figure(f"memory of a live session in the store, {arm}", size, "B") for arm, size in memory.items()),
        *_by_step(f"store operations per read, {_WITHOUT}", token, attrgetter("store_ops")),
        *_by_step(f"store operations per read, {_WITH}", cookie, attrgetter("store_ops")),
        *_by_step(f"throughput, {_WITHOUT}", token, attrgetter("throughput"), "req/s"),
        *_by_step(f"throughput, {_WITH}", cookie, attrgetter("throughput"), "req/s"),
    ]
    cpus = scaling.server_cpus(scaled)
    fits = [number for number, step in enumerate(token) if 1 < step.processes <= cpus]
    if not fits:
        return inconclusive(
            f"a read queries the store {fmt.number(cookie[0].store_ops.value)} times with {_WITH},"
            f" {fmt.number(token[0].store_ops.value)} times with {_WITHOUT}, and a live session takes"
            f" {memory[_WITH]:,.0f} and {memory[_WITHOUT]:,.0f} B there; but all server processes shared one"
            " CPU, so scaling could not be measured",
            figures,
        )
    last = fits[-1]
    confidence = scaled.run.comparisons_confidence
    ends = [(arm[0], arm[last]) for arm in (token, cookie)]
    value, low, high = scaling.gains_compared(ends[0], ends[1], confidence)
    gains = [fmt.number(scaling.gain(*pair, confidence).value) for pair in ends]
    span = f"from {token[0].processes} to {token[last].processes} processes"
    figures.append(figure(f"gain of {_WITHOUT} {span}, over that of {_WITH}", value, ci=(low, high)))
    gained = (
        f"{span} with a CPU each, the throughput of {_WITHOUT} grows {gains[0]} times, that of {_WITH}"
        f" {gains[1]} times"
    )
    margin = scaled.run.margin
    return judged(
        figures,
        supported=low > 1 and high >= 1 + margin,
        refuted=high < 1 + margin,
        if_supported=f"{gained}: sessions stop scaling first",
        if_refuted=f"{gained}: sessions gain as much, within {fmt.whole_percent(margin)}",
        otherwise=f"{gained}: neither gains significantly more",
    )


def looked_up(lab: Lab) -> Outcome:
    """Judge how many servers a store can serve: by the CPU of reads, and by a store's maximum rate."""
    scaled = lab.measured(SCALE)
    return saturates(scaled, ceilings(lab))


def saturates(scaled: Result, alone: Sequence[Ceiling]) -> Outcome:
    """Judge whether the store is the limit with the highest number of server processes measured.

    Args:
        scaled: Result of a run with servers of several processes.
        alone: Rates of a read's command on fresh stores without servers.
    """
    steps = scaling.steps(scaled, _WITH)
    confidence = scaled.run.comparisons_confidence
    first, last = steps[0], steps[-1]
    by_costs = scaling.capacity_from_costs(first, confidence)
    reads_per_core = [ceiling.per_core for ceiling in alone]
    busy = mean([ceiling.share for ceiling in alone], confidence)
    by_ceiling = Estimate(*scaling.capacity_from_ceiling(first, reads_per_core, confidence))
    reads_by_cost = geometric_mean([1e6 / us for us in first.store_us.points], confidence)
    figures = [
        *_by_step(f"store operations per read, {_WITH}", steps, attrgetter("store_ops")),
        estimated(
            "reads per second of store CPU, from the cost of a read with a server", reads_by_cost, "req/s"
        ),
        estimated(
            "reads per second of store CPU, store without servers",
            geometric_mean(reads_per_core, confidence),
            "req/s",
        ),
        estimated("share of its core that the store without servers used", busy),
        estimated("server processes that a store's core can serve, by the cost of requests", by_costs),
        estimated("server processes that a store's core can serve, by its maximum rate", by_ceiling),
        *_by_step("cores of the store", steps, attrgetter("store_cores")),
        *_by_step("cores of the server", steps, attrgetter("server_cores")),
    ]
    most, cpus = last.processes, scaling.server_cpus(scaled)
    capacities = (by_costs, by_ceiling)
    is_busy = busy.value >= BUSY_WARNING
    idle = f"but that store used only {100 * busy.value:.0f} % of its core, so this is not its limit"
    outcome = judged(
        figures,
        supported=is_busy and all((capacity.high or math.inf) < most for capacity in capacities),
        refuted=is_busy and all((capacity.low or 0) > most for capacity in capacities),
        if_supported=f"with {most} the store is the limit",
        if_refuted=f"with {most} the servers' CPUs are still the limit",
        otherwise=f"whether the store is the limit with {most} is undecided" if is_busy else idle,
    )
    costs, ceiling = (fmt.with_ends(capacity.value, capacity.ci) for capacity in capacities)
    because = (
        f"every read queries the store, and a core of it can serve {costs} server processes by the cost of"
        f" requests, {ceiling} by its maximum rate: {outcome.because}"
    )
    if cpus < most:
        because += f"; calculated, not observed, since {most} processes had {cpus} CPU{'s' * (cpus > 1)}"
    return outcome.model_copy(update={"because": because})


@dataclass(frozen=True)
class Ceiling:
    """Maximum rate of a read's command on a fresh store without servers.

    Attributes:
        per_core: Commands per second of CPU time.
        share: CPU usage of the store, as a fraction of a core.
    """

    per_core: float
    share: float


def ceilings(lab: Lab) -> list[Ceiling]:
    """Measure fresh stores one after the other, each on the store's CPU, with the load on the load's CPU."""
    reads = _reads(lab)
    placement = place(system_cpus.usable_cpus())
    with tempfile.TemporaryDirectory(prefix="ceiling-") as folder:
        return [_ceiling(Path(folder), reads, placement) for _ in range(STORES)]


def _ceiling(folder: Path, reads: Mapping[str, Any], placement: Placement) -> Ceiling:
    store = SessionStore(folder, placement, StoreOptions())
    try:
        store.start()
        cpu = ["--cpu", str(placement.load[0])] if placement.load else []
        file = folder / "reads.json"  # the folder is this user's alone
        file.write_text(json.dumps({**reads, "url": store.url}), encoding="utf-8")
        options = ["--reads", str(file), *cpu]
        counted = json.loads(processes.run_module("harness.studies.claims.store_ceiling", options))
        return Ceiling(counted["commands"] / counted["cpu_s"], counted["cpu_s"] / counted["seconds"])
    finally:
        store.close("")


def _reads(lab: Lab) -> dict[str, Any]:
    """Return the store commands of reads of `CONNECTIONS` users, as monitored, and the stored values."""
    callers = [lab.logged_in(_WITH) for _ in range(CONNECTIONS)]
    url = lab.store_url()
    with redis.Redis.from_url(url, decode_responses=True, socket_timeout=_TIMEOUT_S) as client:
        commands = []
        with client.monitor() as monitor:
            for caller in callers:
                caller.read()
                words: list[str] = []
                while not any(":session:" in word for word in words):
                    words = shlex.split(monitor.next_command()["command"])
                commands.append(words)
        return {"commands": commands, "values": {words[1]: client.get(words[1]) for words in commands}}


def _session_bytes(populated: Result, arm: str) -> float:
    line = sweeps.memory_by_sessions(populated, arm)
    return 0.0 if line is None else sum(slopes := line.slopes()) / len(slopes)


def _by_step(
    name: str,
    steps: Sequence[ScalingStep],
    metric: Callable[[ScalingStep], Measurement | Estimate],
    unit: str = "",
) -> list[ClaimFigure]:
    return [
        estimated(f"{name}, {step.processes} process{'es' * (step.processes > 1)}", metric(step), unit)
        for step in steps
    ]


CLAIMS: Final = (
    Claim(
        2,
        "stateless: there is no session store, so the server side scales",
        "article",
        "measured",
        "store operations per read and throughput of token and cookie with 1, 2, … server processes behind"
        " one port on one store (suite `scale`); memory of a live session (suite `claims`)",
        "supported when token gains more than cookie from the processes that had a CPU each, refuted when"
        " cookie gains as much within the margin; inconclusive if all processes share one CPU",
        stateless,
    ),
    Claim(
        18,
        "then every node has to look the session up",
        "reply",
        "measured",
        "number of server processes that a store's core can serve: by the CPU that a read costs server and"
        f" store (suite `scale`), and by the maximum rate of that read's command on {STORES} fresh stores"
        " without servers",
        "supported when both are below the highest number of processes of the suite, so that the store is the"
        " limit; refuted when both are above; inconclusive also if a store was not kept busy by its load",
        looked_up,
    ),
)
