"""Comma-separated values (RFC 4180): one row per measurement and per comparison."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any, Final

from harness.results.base import Interval
from harness.results.model import Comparison, Measurement, Result

NAME: Final = "csv"
TITLE: Final = "tables for a spreadsheet: measurements.csv and comparisons.csv"
FILES: Final = ("measurements.csv", "comparisons.csv")
_CASE: Final = ("scenario", "load", "params")
_INTERVAL: Final = ("ci_low", "ci_high")


def texts(result: Result) -> tuple[str, str]:
    """Return two tables with a header line each; `params` is JSON, missing intervals are empty."""
    return (
        _table(
            (*_CASE, "arm", "metric", "unit", "value", *_INTERVAL, "instances", "samples"),
            [
                (
                    *(*_case(row), row.arm, row.metric, row.unit),
                    *(row.value, *_ends(row.ci), row.instances, row.samples),
                )
                for row in result.measurements
            ],
        ),
        _table(
            (*_CASE, "metric", "base", "arm", "ratio", *_INTERVAL, "noise_floor", "primary", "verdict"),
            [
                (
                    *(*_case(row), row.metric, row.base, row.arm),
                    *(row.ratio, *_ends(row.ci), row.noise_floor, row.primary, row.verdict),
                )
                for row in result.comparisons
            ],
        ),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _case(row: Measurement | Comparison) -> tuple[str, str, str]:
    return row.scenario, row.load, json.dumps(row.params, sort_keys=True)


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else interval
