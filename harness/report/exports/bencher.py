"""Bencher Metric Format (bencher.dev): benchmarks by name with their measures."""

from __future__ import annotations

import json
from typing import Any, Final

from harness.report.exports.parts.format import series
from harness.results.model import Result

NAME: Final = "bencher"
TITLE: Final = "Bencher Metric Format, for `bencher run --file bencher.json --adapter json`"

FILES: Final = ("bencher.json",)


def texts(result: Result) -> tuple[str]:
    """Return each measurement with its interval; measures have the names and units of our metrics."""
    benchmarks: dict[str, dict[str, Any]] = {}
    for row in result.measurements:
        ends = zip(("lower_value", "upper_value"), row.ci or (), strict=False)
        benchmarks.setdefault(series(row), {})[row.metric] = {"value": row.value, **dict(ends)}
    return (json.dumps(benchmarks, indent=1) + "\n",)
