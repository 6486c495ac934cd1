"""Custom JSON of github-action-benchmark: one file for smaller-is-better metrics, one for bigger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from harness.report.exports.parts.format import series
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

NAME: Final = "github-action-benchmark"
TITLE: Final = "custom JSON of that action: smaller-is-better.json and bigger-is-better.json"
FILES: Final = ("smaller-is-better.json", "bigger-is-better.json")
#: Metrics of cost and speed. Tail latencies vary too much from run to run for alerts.
_SMALLER: Final = ("total_cpu", "service_p50", "request_bytes", "response_bytes", "store_ops", "server_rss")
_BIGGER: Final = ("throughput", "capacity")


def texts(result: Result) -> tuple[str, str]:
    """Return the input of `customSmallerIsBetter` and of `customBiggerIsBetter`, without open loops."""
    rows = result.measurements
    bigger = [row for row in rows if row.metric in _BIGGER and not row.load.startswith("open")]
    return _entries(row for row in rows if row.metric in _SMALLER), _entries(bigger)


def _entries(rows: Iterable[Measurement]) -> str:
    return json.dumps([_entry(row) for row in rows], indent=1) + "\n"


def _entry(row: Measurement) -> dict[str, Any]:
    half_width = {} if row.ci is None else {"range": f"± {(row.ci[1] - row.ci[0]) / 2:.4g}"}
    return {
        "name": f"{METRICS[row.metric].title}: {series(row)}",
        "unit": row.unit,
        "value": row.value,
        "extra": f"{row.instances} server processes, {row.samples} requests",
        **half_width,
    }
