"""What a series says of its changes, in words. Pure."""

from __future__ import annotations

from harness.report.content import format as fmt
from harness.report.history.series import Series


def changes_of(one: Series) -> list[str]:
    """Each change in words."""
    return [
        f"{(change.ratio - 1) * 100:+.1f} % since {one.points[change.at].run}"
        f" ({fmt.number(change.before)} to {fmt.number(change.after)})"
        for change in one.changes
    ]
