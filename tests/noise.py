"""What others on a shared machine do to a short run, told apart from what the code does."""

from __future__ import annotations

from typing import Final

import pytest

from harness.results.model import Result

#: The checks that tell of others on the machine.
_CAUSES: Final = frozenset({"stolen cpu", "swap", "memory pressure", "busy cpu", "speed of the machine"})
#: Those that others may fail, and a fault of ours as well.
_SYMPTOMS: Final = frozenset(
    {"server busy", "load generator", "arrivals on time", "arrivals sent", "samples", "instances"}
)


def is_spoilt(result: Result) -> bool:
    """Whether the machine, and nothing else, made a run invalid: what it did was seen, not supposed."""
    invalid = {check.check for check in result.validity if check.status == "invalid"}
    seen = {check.check for check in result.validity if check.status != "ok"} & _CAUSES
    return bool(invalid and seen) and invalid <= _CAUSES | _SYMPTOMS


def skip_if_spoilt(result: Result) -> None:
    """A run that this machine made invalid is no finding; one that is invalid for another reason is."""
    if is_spoilt(result):
        pytest.skip("this machine made a short run invalid")


def skip_if_starved(result: Result) -> None:
    """The same where instances were kept waiting for so long that they left no row, or no search settled."""
    if any(row.status == "invalid" and row.check in ("samples", "instances") for row in result.validity):
        skip_if_spoilt(result)
