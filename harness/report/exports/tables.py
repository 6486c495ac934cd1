"""Comma-separated values (RFC 4180): one row per measurement and per comparison."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Final

from harness.results.model import Comparison, Measurement, Result

NAME: Final = "csv"
TITLE: Final = "tables for a spreadsheet: measurements.csv and comparisons.csv"
FILES: Final = ("measurements.csv", "comparisons.csv")
_CASE: Final = ("scenario", "load", "params")
_INTERVAL: Final = ("ci_low", "ci_high")
_MEASUREMENT: Final = (*_CASE, "arm", "metric", "unit", "value", *_INTERVAL, "instances", "samples")
_COMPARISON: Final = (
    *(*_CASE, "metric", "base", "arm", "ratio", *_INTERVAL),
    *("noise_floor", "primary", "verdict"),
)


def texts(result: Result) -> tuple[str, str]:
    """Return two tables with a header line each; `params` is JSON, missing intervals are empty."""
    return _table(_MEASUREMENT, result.measurements), _table(_COMPARISON, result.comparisons)


def _table(head: Sequence[str], rows: Sequence[Measurement] | Sequence[Comparison]) -> str:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, head, extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        cells = row.model_dump() | {"params": json.dumps(row.params, sort_keys=True)}
        writer.writerow(cells | dict(zip(_INTERVAL, row.ci or (), strict=False)))
    return text.getvalue()
