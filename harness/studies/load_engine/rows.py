"""Rows of load generators from their trials, and goals for them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from harness.analysis.stats.estimate import geometric_mean
from harness.studies.goals import Goal
from harness.studies.load_engine.cases import EngineCase, TrialOutcome

_CONFIDENCE: Final = 0.99
#: Engines and metrics that ours is compared with, on the same path.
_RIVALS: Final = ("wrk", "fast-http-user", "http-user")
_COMPARED: Final = ("throughput", "client_cpu")
_LATENCIES: Final = ("service_p50", "service_p90", "service_p99")

#: Trials of each case, in the order of the rounds.
Rounds = Mapping[EngineCase, Sequence[TrialOutcome]]


@dataclass(frozen=True)
class EngineRow:
    """A load generator on one path, over all rounds.

    Attributes:
        engine: Name of the engine.
        path: Path of the requests.
        load: Load model, closed or open, and its amount.
        throughput: Responses per second, with the 99 % interval over rounds.
        client_cpu: CPU time of the engine, µs per request; an engine in open loop spins while it waits.
        server_busy: Median CPU usage of the server, as a fraction of a core.
        errors: Errors in all rounds.
        bouts: Number of rounds.
        percentiles: Medians over rounds, µs, as reported by the engine.
        truth: True percentiles (µs), if the server reports them, and the error of the engine's.
        over: Ratios of ours over each compared engine, with rounds as pairs; empty for other engines.
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
    """Return a row per case."""
    return [_row(case, outcomes, rounds) for case, outcomes in rounds.items()]


def _row(case: EngineCase, outcomes: Sequence[TrialOutcome], rounds: Rounds) -> EngineRow:
    rate = geometric_mean([outcome.throughput for outcome in outcomes], _CONFIDENCE)
    cpu = geometric_mean([outcome.client_cpu for outcome in outcomes], _CONFIDENCE)
    return EngineRow(
        engine=case.engine,
        path=case.path,
        load=case.load,
        throughput=rate.value,
        throughput_ci=rate.ci,
        client_cpu=cpu.value,
        client_cpu_ci=cpu.ci,
        server_busy=median(outcome.server_busy for outcome in outcomes),
        errors=sum(outcome.errors for outcome in outcomes),
        bouts=len(outcomes),
        percentiles={
            name: median(outcome.percentiles[name] for outcome in outcomes)
            for name in outcomes[0].percentiles
        },
        truth={name: _truth(name, outcomes) for name in outcomes[0].truth},
        over={
            other.engine: _over(outcomes, theirs)
            for other, theirs in rounds.items()
            if case.engine == "ours"
            and other.engine in _RIVALS
            and (other.path, other.load) == (case.path, case.load)
        },
    )


def _truth(name: str, outcomes: Sequence[TrialOutcome]) -> dict[str, float]:
    """Return the medians over rounds of the true percentile, and of the engine's error."""
    return {
        "true": median(outcome.truth[name] for outcome in outcomes),
        "off": median(outcome.percentiles[f"service_{name}"] - outcome.truth[name] for outcome in outcomes),
    }


def _over(ours: Sequence[TrialOutcome], theirs: Sequence[TrialOutcome]) -> dict[str, Any]:
    """Return ours over theirs, round by round: geometric mean with interval, for percentiles the median.

    A percentile that Locust rounded down to 0 ms has no ratio.
    """
    pairs = list(zip(ours, theirs, strict=True))
    means = {
        metric: geometric_mean([getattr(a, metric) / getattr(b, metric) for a, b in pairs], _CONFIDENCE)
        for metric in _COMPARED
    }
    medians = {
        metric: {"ratio": median(a.percentiles[metric] / b.percentiles[metric] for a, b in pairs)}
        for metric in _LATENCIES
        if all(b.percentiles[metric] for _, b in pairs)
    }
    return {name: {"ratio": mean.value, "ci": mean.ci} for name, mean in means.items()} | medians


def goals(table: Sequence[EngineRow]) -> list[Goal]:
    """Return the goals of docs/method.md for our load generator, compared with a measurement."""
    by_case = {(row.engine, row.path): row for row in table}
    ours, api = by_case["ours", "/public"], by_case["ours", "/api/restricted"]
    cpu = "at most 20 µs of client CPU per request on /public"
    stated = [
        _rate("at least 0.9 of wrk's rate on /public", ours, "wrk", 0.9),
        _rate("at least 2.5 times FastHttpUser's rate on /public", ours, "fast-http-user", 2.5),
        Goal(cpu, f"{ours.client_cpu:.1f} µs", ours.client_cpu <= 20),
        _percentile("service_p50", api, 0.10),
        _percentile("service_p90", api, 0.10),
        _percentile("service_p99", api, 0.25),
    ]
    for row in table:
        if row.engine == "ours-open" and "lag_p99" in row.percentiles and not row.truth:
            lag = row.percentiles["lag_p99"]
            text = f"lag at most 100 µs at the 99th percentile, {row.path}, {row.load}"
            stated.append(Goal(text, f"{lag:.0f} µs", lag <= 100))
        if row.truth:
            worst = max(row.truth.values(), key=lambda value: abs(value["off"]) / _tolerance_us(value))
            text = f"percentiles within 5 % or 50 µs of the truth, {row.path}, {row.load}"
            figure = f"worst {worst['off']:+.0f} µs at a true {worst['true']:,.0f}"
            stated.append(Goal(text, figure, abs(worst["off"]) <= _tolerance_us(worst)))
    wrong = sum(row.errors for row in table if row.engine.startswith("ours"))
    stated.append(Goal("no wrong response", f"{wrong} errors", wrong == 0))
    return stated


def _tolerance_us(percentile: Mapping[str, float]) -> float:
    return max(50, 0.05 * percentile["true"])


def _rate(text: str, row: EngineRow, rival: str, least: float) -> Goal:
    return _compared(text, row, rival, "throughput", lambda ratio: ratio >= least)


def _percentile(name: str, row: EngineRow, limit: float) -> Goal:
    text = f"{name} within {limit:.0%} of wrk's on /api/restricted"
    return _compared(text, row, "wrk", name, lambda ratio: abs(ratio - 1) <= limit)


def _compared(
    text: str, row: EngineRow, rival: str, metric: str, is_reached: Callable[[float], bool]
) -> Goal:
    if rival not in row.over:
        return Goal(text, f"{rival} is not installed", None)
    ratio, ci = row.over[rival][metric]["ratio"], row.over[rival][metric].get("ci")
    interval = f" ({ci[0]:.3f} to {ci[1]:.3f})" if ci else ""
    return Goal(text, f"{ratio:.3f}{interval}", is_reached(ratio))
