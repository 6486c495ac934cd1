"""Several server processes on one store: who gains from another process, and where the store is full."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import redis

from harness.analysis.checks import BUSY_WARNING
from harness.analysis.stats import scaling, sweeps
from harness.analysis.stats.estimate import Estimate, geometric_mean, mean
from harness.report.content import format as fmt
from harness.results.claims import ClaimFigure, Outcome, Verdict
from harness.studies.claims.claim import Claim
from harness.studies.suites import SCALE, SUITE
from harness.system import cpus as system_cpus
from harness.system import processes
from harness.system.cpus import Placement, place
from harness.testbed.store.server import SessionStore

if TYPE_CHECKING:
    from harness.analysis.stats.scaling import ScalingStep
    from harness.results.model import Result
    from harness.studies.lab import Lab

_WITH: Final = "cookie"
_WITHOUT: Final = "token"
#: Fresh stores that are loaded by themselves, and the connections to each.
STORES: Final = 8
CONNECTIONS: Final = 16
_TIMEOUT_S: Final = 10


def stateless(lab: Lab) -> Outcome:
    """Throughput by number of processes, and what a session takes in the store."""
    return scales(lab.measured(SCALE), lab.measured(SUITE))


def scales(scaled: Result, populated: Result) -> Outcome:
    """Whether a token gains more from further processes than a session.

    Args:
        scaled: Of servers of several processes.
        populated: Of many who are logged in.
    """
    token, cookie = (scaling.steps(scaled, arm) for arm in (_WITHOUT, _WITH))
    cpus = scaling.server_cpus(scaled)
    memory = {arm: _session_bytes(populated, arm) for arm in (_WITHOUT, _WITH)}
    figures = [
        *(
            ClaimFigure(name=f"memory of a live session in the store, {a}", value=memory[a], unit="B")
            for a in memory
        ),
        *_operations(_WITHOUT, token),
        *_operations(_WITH, cookie),
        *_throughputs(_WITHOUT, token),
        *_throughputs(_WITH, cookie),
    ]
    fits = [number for number, step in enumerate(token) if 1 < step.processes <= cpus]
    if not fits:
        needs = (
            f"a read asks the store {fmt.number(cookie[0].store_ops.value)} times by {_WITH},"
            f" {fmt.number(token[0].store_ops.value)} times by {_WITHOUT}, and a live session takes"
            f" {memory[_WITH]:,.0f} and {memory[_WITHOUT]:,.0f} B there"
        )
        because = (
            f"{needs}; but all server processes shared one CPU here, so that none could gain from another"
        )
        return Outcome(verdict="inconclusive", because=because, figures=figures)
    last = fits[-1]
    confidence = scaled.run.comparisons_confidence
    value, low, high = scaling.gains_compared((token[0], token[last]), (cookie[0], cookie[last]), confidence)
    gains = [scaling.gain(arm[0], arm[last], confidence).value for arm in (token, cookie)]
    figures.append(
        ClaimFigure(
            name=f"what {_WITHOUT} gains from {token[0].processes} to {token[last].processes} processes, over"
            f" what {_WITH} does",
            value=value,
            ci=(low, high),
        )
    )
    seen = (
        f"from {token[0].processes} to {token[last].processes} processes, each with a CPU of its own,"
        f" {_WITHOUT} comes to answer {fmt.number(gains[0])} times as much,"
        f" {_WITH} {fmt.number(gains[1])} times"
    )
    margin = scaled.run.margin
    verdict: Verdict = "refuted" if high < 1 + margin else "supported" if low > 1 else "inconclusive"
    words = {
        "supported": f"{seen}: sessions are the first to stop gaining",
        "refuted": f"{seen}: sessions gain as much, within {margin:.0%}",
        "inconclusive": f"{seen}: which of them gains more cannot be told",
    }
    return Outcome(verdict=verdict, because=words[verdict], figures=figures)


def looked_up(lab: Lab) -> Outcome:
    """What reads cost servers and store, and what a store can carry out by itself."""
    scaled = lab.measured(SCALE)
    return saturates(scaled, ceilings(lab))


def saturates(scaled: Result, alone: Sequence[Ceiling]) -> Outcome:
    """Whether the store is full with as many server processes as were measured at most.

    Args:
        scaled: Of servers of several processes.
        alone: What fresh stores carried out of a read's command.
    """
    found = scaling.steps(scaled, _WITH)
    confidence = scaled.run.comparisons_confidence
    first, last = found[0], found[-1]
    by_costs = scaling.capacity_from_costs(first, confidence)
    reads_per_core = [one.per_core for one in alone]
    busy = mean([one.share for one in alone], confidence)
    by_ceiling = Estimate(*scaling.capacity_from_ceiling(first, reads_per_core, confidence))
    reckoned = geometric_mean([1e6 / us for us in first.store_us.points], confidence)
    figures = [
        *_operations(_WITH, found),
        _figure(
            "reads that a store's core carries out, by what one costs it beside a server", reckoned, "req/s"
        ),
        _figure(
            "reads that a store's core carries out, loaded with nothing else",
            geometric_mean(reads_per_core, confidence),
            "req/s",
        ),
        _figure("share of its core that it used then", busy),
        _figure("server processes that a store's core feeds, by what requests cost", by_costs),
        _figure("server processes that a store's core feeds, by what it carries out at most", by_ceiling),
        *(_figure(f"cores of the store, {_count(s)}", s.store_cores) for s in found),
        *(_figure(f"cores of the server, {_count(s)}", s.server_cores) for s in found),
    ]
    most, cpus = last.processes, scaling.server_cpus(scaled)
    both = [(one.low or 0.0, one.high or float("inf")) for one in (by_costs, by_ceiling)]
    if busy.value < BUSY_WARNING:
        verdict: Verdict = "inconclusive"
        limit = f"but that was on its core for {busy.value:.0%} of the time only, so it is no limit"
    elif all(high < most for _, high in both):
        verdict = "supported"
        limit = f"with {most} the store is the limit"
    elif all(low > most for low, _ in both):
        verdict, limit = "refuted", f"with {most} the servers' own CPUs still are the limit"
    else:
        verdict, limit = "inconclusive", f"whether it is the limit with {most} cannot be told"
    because = (
        f"every read asks the store, and a core of it feeds {_describe(by_costs)} server processes by what"
        f" requests cost, {_describe(by_ceiling)} by what it carries out at most: {limit}"
    )
    if cpus < most:
        because += f"; reckoned, not seen, since {most} processes had {cpus} CPU{'s' * (cpus > 1)} here"
    return Outcome(verdict=verdict, because=because, figures=figures)


@dataclass(frozen=True)
class Ceiling:
    """What one fresh store did, loaded with a read's command and nothing else.

    Attributes:
        per_core: Commands for each second of its CPU.
        share: Of a CPU, that it used meanwhile.
    """

    per_core: float
    share: float


def ceilings(lab: Lab) -> list[Ceiling]:
    """Fresh stores, one after the other, each on the store's CPU and its load on the load's."""
    reads = _reads(lab)
    placement = place(system_cpus.usable_cpus())
    with tempfile.TemporaryDirectory(prefix="ceiling-") as folder:
        file = Path(folder, "reads.json")
        file.write_text(json.dumps(reads), encoding="utf-8")
        return [_ceiling(Path(folder), file, placement) for _ in range(STORES)]


def _ceiling(folder: Path, reads: Path, placement: Placement) -> Ceiling:
    store = SessionStore(folder, placement, None, relayed=False)
    try:
        store.start()
        cpu = ["--cpu", str(placement.load[0])] if placement.load else []
        where = ["--store", store.url.removeprefix("unix://"), "--reads", str(reads)]
        told = json.loads(processes.run_module("harness.studies.claims.store_ceiling", [*where, *cpu]))
        return Ceiling(told["commands"] / told["cpu_s"], told["cpu_s"] / told["seconds"])
    finally:
        store.close("")


def _reads(lab: Lab) -> dict[str, Any]:
    """What so many people's reads ask the store, as it was asked, and what it holds for them."""
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


def _operations(arm: str, found: Sequence[ScalingStep]) -> list[ClaimFigure]:
    return [
        ClaimFigure(
            name=f"store operations a read, {arm}, {_count(step)}",
            value=step.store_ops.value,
            ci=step.store_ops.ci,
        )
        for step in found
    ]


def _throughputs(arm: str, found: Sequence[ScalingStep]) -> list[ClaimFigure]:
    return [
        ClaimFigure(
            name=f"throughput, {arm}, {_count(step)}",
            value=step.throughput.value,
            unit="req/s",
            ci=step.throughput.ci,
        )
        for step in found
    ]


def _count(step: ScalingStep) -> str:
    return f"{step.processes} process{'es' * (step.processes > 1)}"


def _figure(name: str, one: Estimate, unit: str = "") -> ClaimFigure:
    ends = None if one.low is None or one.high is None else (one.low, one.high)
    return ClaimFigure(name=name, value=one.value, unit=unit, ci=ends)


def _describe(one: Estimate) -> str:
    if one.low is None or one.high is None:
        return fmt.number(one.value)
    return f"{fmt.number(one.value)} ({fmt.number(one.low)} to {fmt.number(one.high)})"


CLAIMS: Final = (
    Claim(
        2,
        "stateless: there is no session store, so the server side scales",
        "article",
        "measured",
        "store operations a read and throughput of token and cookie with 1, 2, … server processes behind one"
        " port on one store (suite `scale`); memory of a live session (suite `claims`)",
        "supported when token gains more than cookie from the processes that had a CPU each, refuted when"
        " cookie gains as much within the margin; inconclusive where all processes share one CPU",
        stateless,
    ),
    Claim(
        18,
        "then every node has to look the session up",
        "reply",
        "measured",
        "how many server processes a store's core can feed: by the CPU that a read costs server and store"
        f" (suite `scale`), and by what {STORES} fresh stores carry out of that read's command, loaded with"
        " nothing else",
        "supported when both are below the most processes of the suite, so that the store is the limit;"
        " refuted when both are above; inconclusive also where a store was not kept busy by its load",
        looked_up,
    ),
)
