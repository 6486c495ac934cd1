"""Metrics of a result file. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Scale = Literal["log", "linear"]


@dataclass(frozen=True)
class Metric:
    """Unit and title of a metric, and the scale on which its instances are averaged.

    Attributes:
        unit: Unit that is printed after a value.
        title: Name for people.
        scale: `log` metrics are always positive; their mean and interval are computed on logarithms and they
            are compared by ratio. `linear` metrics may be zero.
        larger_is_better: Whether larger values are better.
    """

    unit: str
    title: str
    scale: Scale = "log"
    larger_is_better: bool = False


METRICS: Final[dict[str, Metric]] = {
    "throughput": Metric("req/s", "Throughput", larger_is_better=True),
    "service_p50": Metric("us", "Service time, median"),
    "service_p90": Metric("us", "Service time, 90th percentile"),
    "service_p99": Metric("us", "Service time, 99th percentile"),
    "service_p999": Metric("us", "Service time, 99.9th percentile"),
    "response_p50": Metric("us", "Response time, median"),
    "response_p90": Metric("us", "Response time, 90th percentile"),
    "response_p99": Metric("us", "Response time, 99th percentile"),
    "response_p999": Metric("us", "Response time, 99.9th percentile"),
    "server_cpu": Metric("us/req", "Server CPU"),
    "store_cpu": Metric("us/req", "Store CPU", "linear"),
    "total_cpu": Metric("us/req", "Server and store CPU"),
    "request_bytes": Metric("B/req", "Request size"),
    "response_bytes": Metric("B/req", "Response size"),
    "store_ops": Metric("ops/req", "Store operations", "linear"),
    "error_rate": Metric("fraction", "Errors", "linear"),
    "server_rss": Metric("B", "Server memory, resident"),
    "store_memory": Metric("B", "Store memory", "linear"),
    "store_rtt": Metric("us", "Round trip to the store", "linear"),
    "longest_profile": Metric("B", "Longest profile that is served", "linear", larger_is_better=True),
    "late_arrivals": Metric("fraction", "Late arrivals", "linear"),
    "dropped_arrivals": Metric("fraction", "Dropped arrivals", "linear"),
    "lag_p99": Metric("us", "Lag behind schedule, 99th percentile", "linear"),
    "load_cpu": Metric("fraction", "Load generator's share of its CPU", "linear"),
    "capacity": Metric("req/s", "Capacity under a stated p99", larger_is_better=True),
}


#: Names of checks that report results even if their status is ok.
GROWTH: Final = "growth"
DRIFT: Final = "drift"


def confidence_of_a_look(confidence: float, looks: int) -> float:
    """Return the confidence level of each look at growing data that keeps the level of all looks together.

    Bonferroni; `harness/analysis/stats/sequential.py` explains why.
    """
    return 1 - (1 - confidence) / looks
