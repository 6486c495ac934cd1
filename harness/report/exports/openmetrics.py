"""OpenMetrics text for Prometheus and compatible tools: a gauge per metric, in base units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from harness.report.exports.parts.format import with_params
from harness.results.base import Interval
from harness.results.metrics import METRICS
from harness.results.model import Result

NAME: Final = "openmetrics"
TITLE: Final = "OpenMetrics text, for a push gateway or a node exporter's textfile collector"
FILES: Final = ("openmetrics.txt",)
_PREFIX: Final = "cookies_vs_tokens"
#: Base units of OpenMetrics for our units, spelled out, with the factor.
_UNITS: Final = {
    "us": ("seconds", 1e-6),
    "us/req": ("seconds", 1e-6),
    "B": ("bytes", 1.0),
    "B/req": ("bytes", 1.0),
    "req/s": ("requests_per_second", 1.0),
    "ops/req": ("operations", 1.0),
    "fraction": ("ratio", 1.0),
}
_CASE: Final = ("suite", "scenario", "load")
_ESTIMATE: Final = "estimate"


def texts(result: Result) -> tuple[str]:
    """Return the text; the label `estimate` is `value`, or `lower` and `upper` for the interval."""
    registry = CollectorRegistry()
    registry.register(_Gauges(result))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return (text.decode(),)


class _Gauges(Collector):
    def __init__(self, result: Result) -> None:
        self._result = result

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield measurements, one family per metric, then ratios, then the gate's verdicts, if any."""
        suite = self._result.run.suite
        families: dict[str, GaugeMetricFamily] = {}
        for row in self._result.measurements:
            unit, factor = _UNITS[row.unit]
            title = METRICS[row.metric].title if row.metric in METRICS else row.metric
            family = families.setdefault(
                row.metric,
                GaugeMetricFamily(
                    f"{_PREFIX}_{row.metric}", title, labels=(*_CASE, "arm", _ESTIMATE), unit=unit
                ),
            )
            _add(
                family,
                (suite, with_params(row), row.load, row.arm),
                row.value * factor,
                _scaled(row.ci, factor),
            )
        yield from families.values()
        ratios = GaugeMetricFamily(
            f"{_PREFIX}_comparison",
            "Ratio of one arm to another",
            labels=(*_CASE, "metric", "base", "arm", _ESTIMATE),
            unit="ratio",
        )
        for pair in self._result.comparisons:
            labels = (suite, with_params(pair), pair.load, pair.metric, pair.base, pair.arm)
            _add(ratios, labels, pair.ratio, pair.ci)
        yield ratios
        if self._result.gate:
            answers = GaugeMetricFamily(
                f"{_PREFIX}_gate_answers", "Gate checks by verdict", labels=("suite", "answer")
            )
            for answer in ("pass", "regression", "inconclusive", "not judged"):
                count = sum(row.answer == answer for row in self._result.gate)
                answers.add_metric((suite, answer), count)
            yield answers


def _add(family: GaugeMetricFamily, labels: Sequence[str], value: float, ci: Interval) -> None:
    family.add_metric((*labels, "value"), value)
    if ci is not None:
        family.add_metric((*labels, "lower"), ci[0])
        family.add_metric((*labels, "upper"), ci[1])


def _scaled(ci: Interval, factor: float) -> Interval:
    return None if ci is None else (ci[0] * factor, ci[1] * factor)
