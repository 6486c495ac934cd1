"""One JSON object per line: messages, and files with a header, rows and a footer. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def line(values: Mapping[str, Any]) -> str:
    """Return the line of an object."""
    return json.dumps(values) + "\n"


def parse(text: str | bytes) -> dict[str, Any] | None:
    """Return the object of a line; None if it has none."""
    try:
        values = json.loads(text)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def read(lines: Iterable[str]) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Return header, rows and footer of a file; of a torn or missing end the footer is empty.

    The footer is the line with the key `end`. Without a header that is JSON, the header is empty.
    """
    objects = map(parse, lines)
    header = next(objects, None) or {}
    rows: list[dict[str, Any]] = []
    for row in objects:
        if row is None:
            break
        if "end" in row:
            return header, rows, row
        rows.append(row)
    return header, rows, {}
