"""How numbers are printed, in every report and chart alike. Pure."""

from __future__ import annotations

import math
import textwrap
from typing import Final

from harness.results.base import Interval

#: Printed where a metric does not apply or an interval could not be made.
NOTHING: Final = "-"
#: Decimal places of a ratio: a tenth of a per cent is the finest that a run can tell.
RATIO_DECIMALS: Final = 3
SIGNIFICANT_DIGITS: Final = 3
#: A value beside its interval shows at most this many digits, however narrow the interval.
_DIGITS_WITH_INTERVAL: Final = 4
_MAX_DECIMALS: Final = 3
#: From here on a figure is told by its power of ten: ends of intervals that tell nothing, in fact.
_HUGE: Final = 1e9
_TIMES_SIGN: Final = "\N{MULTIPLICATION SIGN}"
_NO_BREAK_SPACE: Final = "\N{NO-BREAK SPACE}"


def number(value: float) -> str:
    """A value with three significant digits, or all digits before the point: `0.273`, `90.1`, `11,024`."""
    return _fixed(value, _decimals(value, SIGNIFICANT_DIGITS))


def with_interval(value: float, ci: Interval) -> str:
    """A value and the half-width of its interval, to the interval's second digit: `229.2 ± 1.8`.

    A half-width below the last digit shown reads `2,000 ± <1`; one larger than the value, as from two
    instances, `820 ±>100%`. Without an interval, or with one of no width, the value stands alone.
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
    """The same of a value that may be none: beyond its own size the interval is told by its ends."""
    if ci is None or ci[1] - ci[0] <= 2 * abs(value):
        return with_interval(value, ci)
    return f"{number(value)} ({number(ci[0])} to {number(ci[1])})"


def whole(value: float) -> str:
    """A value without decimal places: `231`."""
    return _fixed(value, 0)


def ratio(value: float) -> str:
    """A ratio: `0.729`."""
    return f"{value:.{RATIO_DECIMALS}f}" if abs(value) < _HUGE else f"{value:.0e}"


def times(value: float) -> str:
    """A ratio as a factor: 0.729 and the multiplication sign."""
    return f"{ratio(value)}{_TIMES_SIGN}"


def ratio_interval(ci: tuple[float, float]) -> str:
    """Both ends of a ratio's interval: `0.722 to 0.737`."""
    return f"{ratio(ci[0])} to {ratio(ci[1])}"


def percent(fraction: float) -> str:
    """A fraction in per cent, one decimal place: `27.1 %`."""
    return f"{fraction * 100:.1f} %"


def whole_percent(fraction: float) -> str:
    """A stated fraction in as few digits as it takes: `99 %`, `99.5 %`, `3 %`."""
    return f"{fraction * 100:.4g} %"


def megabytes(value: float) -> str:
    """Bytes in units of a million: `45.2`."""
    return number(value / 1e6)


def duration(seconds: float) -> str:
    """A lifetime in its largest whole unit: `5 h`, `5 min`, `90 s`."""
    for name, unit in (("h", 3600), ("min", 60)):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} s"


def wrap(text: str, width: int) -> list[str]:
    """The lines of a text at a width in characters; a number is never parted from its per cent sign."""
    lines = textwrap.wrap(text.replace(" %", f"{_NO_BREAK_SPACE}%"), max(width, 1))
    return [line.replace(_NO_BREAK_SPACE, " ") for line in lines]


def _decimals(value: float, digits: int) -> int:
    """Decimal places that show this many significant digits, never more than three."""
    if value == 0:
        return 0
    magnitude = math.floor(math.log10(abs(value)))
    return min(max(digits - 1 - magnitude, 0), _MAX_DECIMALS)


def _fixed(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if abs(value) < _HUGE else f"{value:.0e}"
