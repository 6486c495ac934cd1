"""Scaling of servers with several processes on one store: throughput, and CPU of server and store. Pure."""

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
    """Servers of one arm with a given number of processes each.

    Attributes:
        processes: Number of processes behind each port.
        throughput: Requests/s of one server.
        server_us: CPU of the server per request, in us.
        store_us: CPU of the store per request, in us.
        store_ops: Store commands per request.
        server_cores: CPUs that one server kept busy.
        store_cores: CPUs that the store kept busy while serving that server alone.
    """

    processes: int
    throughput: Measurement
    server_us: Measurement
    store_us: Measurement
    store_ops: Measurement
    server_cores: Estimate
    store_cores: Estimate


def steps(result: Result, arm: str) -> list[ScalingStep]:
    """Return the steps of an arm by ascending number of processes; empty if its CPU was not read."""
    rows = {
        metric: {row.params[PROCESSES]: row for row in sweeps.rows(result, SCENARIO, arm, metric, PROCESSES)}
        for metric in ("throughput", "server_cpu", "store_cpu", "store_ops")
    }
    counts = set.intersection(*(set(by_count) for by_count in rows.values()))
    steps_of_arm = []
    for count in sorted(counts):
        throughput, server, store, operations = (by_count[count] for by_count in rows.values())
        cores = [_cores(cost, throughput, result.run.confidence) for cost in (server, store)]
        steps_of_arm.append(ScalingStep(count, throughput, server, store, operations, *cores))
    return steps_of_arm


def _cores(cost: Measurement, throughput: Measurement, confidence: float) -> Estimate:
    """Return CPU per request times requests/s, instance by instance."""
    points = [us * rate / 1e6 for us, rate in zip(cost.points, throughput.points, strict=True)]
    return mean(points, confidence, throughput.batches)


def server_cpus(result: Result) -> int:
    """Return the number of CPUs that only the servers, and possibly the store, ran on; 1 without pinning."""
    return len(result.environment.placement.get("servers", ())) or 1


def gain(first: ScalingStep, last: ScalingStep, confidence: float) -> Estimate:
    """Return the throughput of the last step over that of the first, with its interval."""
    return Estimate(*contrast(powers(last.throughput, 1) + powers(first.throughput, -1), confidence))


def gains_compared(
    arm: tuple[ScalingStep, ScalingStep], base: tuple[ScalingStep, ScalingStep], confidence: float
) -> tuple[float, float, float]:
    """Return an arm's gain over a base's, each from a first step to a last, and both ends of its interval."""
    groups = powers(arm[1].throughput, 1) + powers(arm[0].throughput, -1)
    groups += powers(base[1].throughput, -1) + powers(base[0].throughput, 1)
    return contrast(groups, confidence)


def capacity_from_costs(step: ScalingStep, confidence: float) -> Estimate:
    """Return how many processes, each with its own core, one store core can support, by CPU per request."""
    points = [
        server / store for server, store in zip(step.server_us.points, step.store_us.points, strict=True)
    ]
    return geometric_mean(points, confidence, step.server_us.batches)


def capacity_from_ceiling(
    step: ScalingStep, reads_per_core: Sequence[float], confidence: float
) -> tuple[float, float, float]:
    """Return how many processes one store core can support, by the measured ceiling of stores.

    Fresh stores were loaded with nothing but the command that a read sends.

    Args:
        step: Step with the CPU per request of the server.
        reads_per_core: Commands per second of a store's CPU time, one value per store.
        confidence: Confidence level of the interval.

    Returns:
        The number and both ends of its interval.
    """
    stores = [rate / 1e6 for rate in reads_per_core]
    return contrast([*powers(step.server_us, 1), (1.0, stores)], confidence)
