"""From bouts to rows, and what they must reach. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from harness.analysis.stats.estimate import Estimate, geometric_mean
from harness.studies.load_engine.cases import EngineCase, TrialOutcome

_CONFIDENCE: Final = 0.99
#: What ours is held against, case by case of the same path, and what of it.
_RIVALS: Final = ("wrk", "fast-http-user", "http-user")
_COMPARED: Final = ("throughput", "client_cpu")
_LATENCIES: Final = ("service_p50", "service_p90", "service_p99")

#: Bout by bout, in the order of the rounds.
Rounds = Mapping[EngineCase, Sequence[TrialOutcome]]


@dataclass(frozen=True)
class EngineRow:
    """One engine on one path, over all rounds.

    Attributes:
        engine: Which.
        path: What it asked for.
        load: Closed or open, and how much.
        throughput: Answers a second, with its 99 % interval over rounds.
        client_cpu: CPU time of the engine, us a request; an engine in open loop spins while it waits.
        server_busy: Median share of its CPU that the server used.
        errors: In all rounds.
        bouts: Rounds.
        percentiles: Medians over rounds, in us, as the engine itself reports them.
        truth: Where the server knows: percentile to its true value (us), and by how much the engine is off.
        over: For ours: what it is held against, to ratios ours over theirs; rounds are pairs.
    """

    engine: str
    path: str
    load: str
    throughput: float
    throughput_ci: tuple[float, float] | None
    client_cpu: float
    client_cpu_ci: tuple[float, float] | None
    server_busy: float
    errors: int
    bouts: int
    percentiles: dict[str, float]
    truth: dict[str, dict[str, float]]
    over: dict[str, dict[str, Any]] = field(default_factory=dict)


def rows(rounds: Rounds) -> list[EngineRow]:
    """A row a case."""
    return [_row(case, outcomes, rounds) for case, outcomes in rounds.items()]


def _row(case: EngineCase, outcomes: Sequence[TrialOutcome], rounds: Rounds) -> EngineRow:
    rate = geometric_mean([one.throughput for one in outcomes], _CONFIDENCE)
    cpu = geometric_mean([one.client_cpu for one in outcomes], _CONFIDENCE)
    rivals = {
        other.engine: theirs
        for other, theirs in rounds.items()
        if (other.path, other.load) == (case.path, case.load) and other.engine in _RIVALS
    }
    return EngineRow(
        engine=case.engine,
        path=case.path,
        load=case.load,
        throughput=rate.value,
        throughput_ci=_interval(rate),
        client_cpu=cpu.value,
        client_cpu_ci=_interval(cpu),
        server_busy=median(one.server_busy for one in outcomes),
        errors=sum(one.errors for one in outcomes),
        bouts=len(outcomes),
        percentiles={
            name: median(one.percentiles[name] for one in outcomes) for name in outcomes[0].percentiles
        },
        truth={name: _truth(name, outcomes) for name in outcomes[0].truth},
        over={name: _over(outcomes, theirs) for name, theirs in rivals.items()}
        if case.engine == "ours"
        else {},
    )


def _truth(name: str, outcomes: Sequence[TrialOutcome]) -> dict[str, float]:
    """The medians over rounds of the true percentile, and of what the engine said above it."""
    return {
        "true": median(one.truth[name] for one in outcomes),
        "off": median(one.percentiles[f"service_{name}"] - one.truth[name] for one in outcomes),
    }


def _over(ours: Sequence[TrialOutcome], theirs: Sequence[TrialOutcome]) -> dict[str, Any]:
    """Ours over theirs, round by round: geometric mean with interval; of percentiles the median.

    A percentile that Locust rounded down to 0 ms has no ratio.
    """
    pairs = list(zip(ours, theirs, strict=True))
    found: dict[str, Any] = {}
    for metric in _COMPARED:
        ratio = geometric_mean([getattr(a, metric) / getattr(b, metric) for a, b in pairs], _CONFIDENCE)
        found[metric] = {"ratio": ratio.value, "ci": _interval(ratio)}
    for metric in _LATENCIES:
        if all(b.percentiles[metric] for _, b in pairs):
            found[metric] = {"ratio": median(a.percentiles[metric] / b.percentiles[metric] for a, b in pairs)}
    return found


def _interval(estimate: Estimate) -> tuple[float, float] | None:
    if estimate.low is None or estimate.high is None:
        return None
    return estimate.low, estimate.high


@dataclass(frozen=True)
class EngineGoal:
    """What an engine must reach to be believed; `reached` is None where it could not be measured."""

    text: str
    figure: str
    reached: bool | None


def goals(found: Sequence[EngineRow]) -> list[EngineGoal]:
    """What docs/method.md promises of this engine, held against a measurement of it."""
    by_case = {(row.engine, row.path): row for row in found}
    ours, api = by_case["ours", "/public"], by_case["ours", "/api/restricted"]
    answer = [
        _ratio("at least 0.9 of wrk's rate on /public", ours, "wrk", "throughput", at_least=0.9),
        _ratio(
            "at least 2.5 times FastHttpUser's rate on /public",
            ours,
            "fast-http-user",
            "throughput",
            at_least=2.5,
        ),
        EngineGoal(
            "at most 20 us of client CPU a request on /public",
            f"{ours.client_cpu:.1f} us",
            ours.client_cpu <= 20,
        ),
    ]
    answer += [
        _within(f"{name} within {limit:.0%} of wrk's on /api/restricted", api, name, limit)
        for name, limit in {"service_p50": 0.10, "service_p90": 0.10, "service_p99": 0.25}.items()
    ]
    for row in found:
        if row.engine == "ours-open" and "lag_p99" in row.percentiles and not row.truth:
            lag = row.percentiles["lag_p99"]
            text = f"lag at most 100 us at the 99th percentile, {row.path}, {row.load}"
            answer.append(EngineGoal(text, f"{lag:.0f} us", lag <= 100))
        if row.truth:
            worst = max(row.truth.values(), key=lambda one: abs(one["off"]) / max(50, 0.05 * one["true"]))
            text = f"percentiles within 5 % or 50 us of the truth, {row.path}, {row.load}"
            near = abs(worst["off"]) <= max(50, 0.05 * worst["true"])
            answer.append(
                EngineGoal(
                    text, f"worst {worst['off']:+.0f} us where the truth is {worst['true']:,.0f}", near
                )
            )
    wrong = sum(row.errors for row in found if row.engine.startswith("ours"))
    answer.append(EngineGoal("no wrong answer", f"{wrong} errors", wrong == 0))
    return answer


def _ratio(text: str, row: EngineRow, rival: str, metric: str, *, at_least: float) -> EngineGoal:
    if rival not in row.over:
        return EngineGoal(text, f"{rival} is not installed", None)
    ratio, ci = row.over[rival][metric]["ratio"], row.over[rival][metric]["ci"]
    interval = f" ({ci[0]:.3f} to {ci[1]:.3f})" if ci else ""
    return EngineGoal(text, f"{ratio:.3f}{interval}", ratio >= at_least)


def _within(text: str, row: EngineRow, metric: str, limit: float) -> EngineGoal:
    if "wrk" not in row.over:
        return EngineGoal(text, "wrk is not installed", None)
    ratio = row.over["wrk"][metric]["ratio"]
    return EngineGoal(text, f"{ratio:.3f}", abs(ratio - 1) <= limit)
