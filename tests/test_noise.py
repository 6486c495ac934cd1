"""Which invalid runs tests may pass over."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.results.archive import load
from harness.results.base import Status
from harness.results.model import Check
from tests import noise
from tests.sandbox import ROOT

PUBLISHED: Path = ROOT / "results" / "published" / "20261125-quick"


@pytest.mark.parametrize(
    ("checks", "spoilt"),
    [
        ({}, False),
        ({"busy cpu": "invalid"}, True),
        ({"stolen cpu": "warning"}, False),
        ({"samples": "invalid"}, False),
        ({"samples": "invalid", "stolen cpu": "warning"}, True),
        ({"answers": "invalid", "busy cpu": "invalid"}, False),
        ({"code under test": "invalid", "stolen cpu": "warning"}, False),
    ],
)
def test_only_what_the_machine_was_seen_to_do_is_passed_over(checks: dict[str, Status], spoilt: bool) -> None:
    """Nothing recorded is a fault of ours, unless others were seen to take the CPU."""
    rows = [Check(check=name, status=status, detail="") for name, status in checks.items()]
    result = load(PUBLISHED).model_copy(update={"validity": rows})
    assert noise.is_spoilt(result) == spoilt
