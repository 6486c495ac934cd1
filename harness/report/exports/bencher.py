"""Bencher Metric Format (bencher.dev): benchmarks by name, each with its measures."""

from __future__ import annotations

import json
from typing import Any, Final

from harness.report.exports.parts.format import series
from harness.results.model import Result

NAME: Final = "bencher"
TITLE: Final = "Bencher Metric Format, for `bencher run --file bencher.json --adapter json`"

FILES: Final = ("bencher.json",)


def texts(result: Result) -> tuple[str]:
    """Every measurement with its interval; measures are the names of our metrics, in our units."""
    found: dict[str, dict[str, Any]] = {}
    for row in result.measurements:
        measure = {"value": row.value}
        if row.ci is not None:
            measure |= {"lower_value": row.ci[0], "upper_value": row.ci[1]}
        found.setdefault(series(row), {})[row.metric] = measure
    return (json.dumps(found, indent=1) + "\n",)
