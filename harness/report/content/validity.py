"""Whether a run may be believed, in words. Pure."""

from __future__ import annotations

from typing import Final

from harness.results.base import Status
from harness.results.metrics import DRIFT, GROWTH
from harness.results.model import Check, Result

#: Reasons that are told where there is room for few words; one spoilt hour of a machine gives dozens.
_FEW: Final = 2
_WORST_FIRST: Final[tuple[Status, ...]] = ("invalid", "warning", "ok")


def checks(result: Result, status: Status) -> list[Check]:
    """The validity checks that came out with a status."""
    return [check for check in result.validity if check.status == status]


def worst_first(result: Result) -> list[Check]:
    """Every check, those that did not pass first."""
    return [check for status in _WORST_FIRST for check in checks(result, status)]


def invalid_reason(result: Result) -> str:
    """The first invalid checks with their details and how many more there are, on one line."""
    reasons = [describe_check(check).rstrip(".") for check in checks(result, "invalid")]
    more = len(reasons) - _FEW
    return "; ".join(reasons[:_FEW] + ([f"and {more} more, in result.json"] if more > 0 else [])) + "."


def passed(result: Result) -> str:
    """How many of the validity checks are in order."""
    return f"{len(checks(result, 'ok'))} of {len(result.validity)} validity checks passed."


def notes(result: Result) -> list[str]:
    """What stands below that count: warnings, and what a long run found of growth and drift."""
    is_long = any(check.check == GROWTH for check in result.validity)
    well = [
        describe_check(check) for check in checks(result, "ok") if is_long and check.check in (GROWTH, DRIFT)
    ]
    return [*well, *(f"warning: {describe_check(check)}" for check in checks(result, "warning"))]


def describe_check(check: Check) -> str:
    """One check: `stolen CPU: 1.8 % of CPU time was taken`."""
    return f"{check.check}: {check.detail}"
