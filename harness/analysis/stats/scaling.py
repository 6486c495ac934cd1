"""What a run says of servers of several processes on one store: throughput, and whose CPUs it takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.stats import sweeps
from harness.analysis.stats.contrasts import powers
from harness.analysis.stats.estimate import Estimate, contrast, geometric_mean, mean
from harness.results.model import Measurement, Result

SCENARIO: Final = "scale-out"
PROCESSES: Final = "processes"


@dataclass(frozen=True)
class ScalingStep:
    """An arm's servers, of so many processes each.

    Attributes:
        processes: Behind each port.
        throughput: Answers a second, of one server.
        server_us: CPU of the server for a request, in us.
        store_us: The same of the store.
        store_ops: Commands that the store ran for a request.
        server_cores: CPUs that one server kept busy.
        store_cores: The same of the store, while that server had it for itself.
    """

    processes: int
    throughput: Measurement
    server_us: Measurement
    store_us: Measurement
    store_ops: Measurement
    server_cores: Estimate
    store_cores: Estimate


def steps(result: Result, arm: str) -> list[ScalingStep]:
    """The numbers of processes that an arm was measured with, rising; none where its CPU was not read."""
    rows = {
        metric: {row.params[PROCESSES]: row for row in sweeps.rows(result, SCENARIO, arm, metric, PROCESSES)}
        for metric in ("throughput", "server_cpu", "store_cpu", "store_ops")
    }
    everywhere = set.intersection(*(set(found) for found in rows.values()))
    return [_step(result, count, *(found[count] for found in rows.values())) for count in sorted(everywhere)]


def _step(
    result: Result,
    processes: int,
    throughput: Measurement,
    server: Measurement,
    store: Measurement,
    ops: Measurement,
) -> ScalingStep:
    cores = [_cores(one, throughput, result.run.confidence) for one in (server, store)]
    return ScalingStep(processes, throughput, server, store, ops, *cores)


def _cores(cost: Measurement, throughput: Measurement, confidence: float) -> Estimate:
    """CPU a request times requests a second, instance by instance."""
    points = [us * rate / 1e6 for us, rate in zip(cost.points, throughput.points, strict=True)]
    return mean(points, confidence, throughput.batches)


def server_cpus(result: Result) -> int:
    """On how many CPUs the servers ran that nothing but perhaps the store shared; 1 where none were bound."""
    return len(result.environment.placement.get("servers", ())) or 1


def gain(first: ScalingStep, last: ScalingStep, confidence: float) -> Estimate:
    """How many times as much the later answers, with its interval."""
    groups = powers(last.throughput, 1) + powers(first.throughput, -1)
    return Estimate(*contrast(groups, confidence))


def gains_compared(
    arm: tuple[ScalingStep, ScalingStep], base: tuple[ScalingStep, ScalingStep], confidence: float
) -> tuple[float, float, float]:
    """An arm's gain over a base's, each from a first step to a last, and both ends of its interval."""
    groups = powers(arm[1].throughput, 1) + powers(arm[0].throughput, -1)
    groups += powers(base[1].throughput, -1) + powers(base[0].throughput, 1)
    return contrast(groups, confidence)


def capacity_from_costs(step: ScalingStep, confidence: float) -> Estimate:
    """How many processes, each with a core to itself, one core of the store can feed: by CPU a request."""
    points = [
        server / store for server, store in zip(step.server_us.points, step.store_us.points, strict=True)
    ]
    return geometric_mean(points, confidence, step.server_us.batches)


def capacity_from_ceiling(
    step: ScalingStep, reads_per_core: Sequence[float], confidence: float
) -> tuple[float, float, float]:
    """The same by what fresh stores carried out, loaded with that command alone.

    Args:
        step: What a request costs the server.
        reads_per_core: Commands for each second of a store's CPU, one figure a store.
        confidence: Of the interval.

    Returns:
        The number and both ends of its interval.
    """
    stores = [rate / 1e6 for rate in reads_per_core]
    return contrast([*powers(step.server_us, 1), (1.0, stores)], confidence)
