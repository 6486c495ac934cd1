"""Changes of level of a series in words. Pure."""

from __future__ import annotations

from harness.report.content import format as fmt
from harness.report.history.series import Series


def changes_of(series: Series) -> list[str]:
    """Return each change of level in words."""
    return [
        f"{(change.ratio - 1) * 100:+.1f} % since {series.points[change.at].run}"
        f" ({fmt.number(change.before)} to {fmt.number(change.after)})"
        for change in series.changes
    ]
