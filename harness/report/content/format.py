"""Number formats of all reports and charts. Pure."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Final

from harness.results.base import Interval

#: Printed if a metric does not apply or there is no interval.
NOTHING: Final = "-"
#: Decimal places of a ratio: a run can resolve a tenth of a per cent at best.
RATIO_DECIMALS: Final = 3
SIGNIFICANT_DIGITS: Final = 3
#: Maximum number of digits of a value beside its interval, however narrow the interval is.
_DIGITS_WITH_INTERVAL: Final = 4
_MAX_DECIMALS: Final = 3
#: From this value on numbers are printed as powers of ten: ends of intervals that carry no information.
_HUGE: Final = 1e9
_NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"


def number(value: float) -> str:
    """Return a value with three significant digits, or all before the point: `0.273`, `90.1`, `11,024`."""
    return _fixed(value, _decimals(value, SIGNIFICANT_DIGITS))


def with_interval(value: float, ci: Interval) -> str:
    """Return a value and the half-width of its interval, to the interval's second digit: `229.2 ± 1.8`.

    A half-width below the last digit shown reads `2,000 ± <1`; a half-width above the value, as from two
    server processes, `820 ±>100%`. Without an interval, or with an empty one, only the value is shown.
    """
    if ci is None or ci[1] <= ci[0]:
        return number(value)
    half = (ci[1] - ci[0]) / 2
    if half > abs(value) > 0:
        return f"{number(value)} ±>100%"
    decimals = min(_decimals(half, 2), _decimals(value, _DIGITS_WITH_INTERVAL))
    last_digit = 10.0**-decimals
    spread = _fixed(half, decimals) if half >= last_digit else f"<{_fixed(last_digit, decimals)}"
    return f"{_fixed(value, decimals)} ± {spread}"


def difference(value: float, ci: Interval) -> str:
    """Return a difference with its interval; an interval wider than the value is given by its ends."""
    if ci is None or ci[1] - ci[0] <= 2 * abs(value):
        return with_interval(value, ci)
    return with_ends(value, ci)


def with_ends(value: float, ci: Interval) -> str:
    """Return a value with both ends of its interval, if it has one: `26.1 (25.9 to 26.3)`."""
    return number(value) if ci is None else f"{number(value)} ({number(ci[0])} to {number(ci[1])})"


def joined(names: Sequence[str]) -> str:
    """Return names as a list: `a, b and c`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def whole(value: float) -> str:
    """Return a value without decimal places: `231`."""
    return _fixed(value, 0)


def ratio(value: float) -> str:
    """Return a ratio: `0.729`."""
    return f"{value:.{RATIO_DECIMALS}f}" if abs(value) < _HUGE else f"{value:.0e}"


def change(factor: float) -> str:
    """Return a ratio as a change: `+52.9 %`."""
    return f"{_change(factor)} %"


def change_interval(ci: tuple[float, float]) -> str:
    """Return both ends of a ratio's interval as changes: `+51.3 to +54.6 %`."""
    return f"{_change(ci[0])} to {_change(ci[1])} %"


def _change(factor: float) -> str:
    return f"{(factor - 1) * 100:+.1f}" if abs(factor) < _HUGE else f"{factor * 100:+.0e}"


def times(value: float) -> str:
    """Return a ratio as a factor: 0.729 and the multiplication sign."""
    return f"{ratio(value)}\N{MULTIPLICATION SIGN}"


def ratio_interval(ci: tuple[float, float]) -> str:
    """Return both ends of a ratio's interval: `0.722 to 0.737`."""
    return f"{ratio(ci[0])} to {ratio(ci[1])}"


def percent(fraction: float) -> str:
    """Return a fraction in per cent, one decimal place: `27.1 %`."""
    return f"{fraction * 100:.1f} %"


def whole_percent(fraction: float) -> str:
    """Return a configured fraction in as few digits as possible: `99 %`, `99.5 %`, `3 %`."""
    return f"{fraction * 100:.4g} %"


def megabytes(value: float) -> str:
    """Return bytes in units of a million: `45.2`."""
    return number(value / 1e6)


def duration(seconds: float) -> str:
    """Return a lifetime in its largest whole unit: `5 h`, `5 min`, `90 s`."""
    for name, unit in (("h", 3600), ("min", 60)):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} s"


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text at a width in characters; a number and its per cent sign stay together."""
    lines = textwrap.wrap(text.replace(" %", f"{_NO_BREAK_SPACE}%"), max(width, 1))
    return [line.replace(_NO_BREAK_SPACE, " ") for line in lines]


def _decimals(value: float, digits: int) -> int:
    """Return the decimal places that show this many significant digits, at most three."""
    if value == 0:
        return 0
    magnitude = math.floor(math.log10(abs(value)))
    return min(max(digits - 1 - magnitude, 0), _MAX_DECIMALS)


def _fixed(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if abs(value) < _HUGE else f"{value:.0e}"
