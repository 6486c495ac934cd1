"""What others on a shared machine do to a short run, told apart from what the code does."""

from __future__ import annotations

from typing import Final

import pytest

from harness.result import Result

#: The checks that such a machine may fail, however right the code is.
OF_THE_MACHINE: Final = frozenset(
    {
        *("stolen cpu", "swap", "memory pressure", "busy cpu", "server busy", "load generator"),
        *("arrivals on time", "arrivals sent", "samples", "instances", "speed of the machine"),
    }
)


def is_spoilt(result: Result) -> bool:
    """Whether the machine, and nothing else, made a run invalid."""
    invalid = {check.check for check in result.validity if check.status == "invalid"}
    return bool(invalid) and invalid <= OF_THE_MACHINE


def skip_if_spoilt(result: Result) -> None:
    """A run that this machine made invalid is no finding; one that is invalid for another reason is."""
    if is_spoilt(result):
        pytest.skip("this machine made a short run invalid")


def skip_if_starved(result: Result) -> None:
    """The same where instances were kept waiting for so long that they left no row, or no search settled."""
    if any(
        check.status == "invalid" and check.check in ("samples", "instances") for check in result.validity
    ):
        skip_if_spoilt(result)
