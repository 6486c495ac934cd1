"""OpenMetrics text for Prometheus and compatible tools: a gauge per metric, in base units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from harness.report.content import wording
from harness.report.exports.parts.format import with_params
from harness.results.base import Interval
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
        return _families(self._result)


def _families(result: Result) -> Iterator[GaugeMetricFamily]:
    """Yield measurements, one family per metric, then ratios, then the gate's verdicts, if any."""
    suite = result.run.suite
    families: dict[str, GaugeMetricFamily] = {}
    for row in result.measurements:
        unit, factor = _UNITS[row.unit]
        name, title = f"{_PREFIX}_{row.metric}", wording.metric_title(row.metric)
        family = families.setdefault(
            row.metric, GaugeMetricFamily(name, title, labels=(*_CASE, "arm", "estimate"), unit=unit)
        )
        _add(family, (suite, with_params(row), row.load, row.arm), row.value, row.ci, factor)
    yield from families.values()
    ratios = GaugeMetricFamily(
        f"{_PREFIX}_comparison",
        "Ratio of one arm to another",
        labels=(*_CASE, "metric", "base", "arm", "estimate"),
        unit="ratio",
    )
    for pair in result.comparisons:
        labels = (suite, with_params(pair), pair.load, pair.metric, pair.base, pair.arm)
        _add(ratios, labels, pair.ratio, pair.ci)
    yield ratios
    if result.gate:
        answers = GaugeMetricFamily(
            f"{_PREFIX}_gate_answers", "Gate checks by verdict", labels=("suite", "answer")
        )
        for answer in ("pass", "regression", "inconclusive", "not judged"):
            answers.add_metric((suite, answer), sum(row.answer == answer for row in result.gate))
        yield answers


def _add(
    family: GaugeMetricFamily, labels: Sequence[str], value: float, ci: Interval, factor: float = 1
) -> None:
    for name, estimate in zip(("value", "lower", "upper"), (value, *(ci or ())), strict=False):
        family.add_metric((*labels, name), estimate * factor)
