"""Validity checks of a run as text. Pure."""

from __future__ import annotations

from typing import Final

from harness.results.base import Status
from harness.results.metrics import DRIFT, GROWTH
from harness.results.model import Check, Result

#: Number of reasons named in a short text; an unreliable run may give dozens.
_FEW: Final = 2


def checks(result: Result, status: Status) -> list[Check]:
    """Return the validity checks with this status."""
    return [check for check in result.validity if check.status == status]


def reasons(result: Result) -> list[str]:
    """Return the failed checks with their details."""
    return [describe_check(check) for check in checks(result, "invalid")]


def invalid_reason(result: Result) -> str:
    """Return the first failed checks with their details, and how many more failed, on one line."""
    failed = [reason.rstrip(".") for reason in reasons(result)]
    more = [f"and {len(failed) - _FEW} more, in result.json"] if len(failed) > _FEW else []
    return "; ".join(failed[:_FEW] + more) + "."


def passed(result: Result) -> str:
    """Return how many of the validity checks passed."""
    return f"{len(checks(result, 'ok'))} of {len(result.validity)} validity checks passed."


def notes(result: Result) -> list[str]:
    """Return the notes below that count: warnings, and growth and drift of a long run."""
    is_long = any(check.check == GROWTH for check in result.validity)
    passed_checks = [
        describe_check(check) for check in checks(result, "ok") if is_long and check.check in (GROWTH, DRIFT)
    ]
    return [*passed_checks, *(f"warning: {describe_check(check)}" for check in checks(result, "warning"))]


def describe_check(check: Check) -> str:
    """Return one check as text: `stolen CPU: 1.8 % of CPU time was taken`."""
    return f"{check.check}: {check.detail}"
