"""What a gate advises where it cannot answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.gate.run import CheckRequest, _remedy
from harness.measure.options import Options

OF_TIMES = "--tolerance 0.15, or compare with a revision (--against)"
OF_SCATTER = "a longer --limit or more instances"


@pytest.mark.parametrize(
    ("baseline", "tolerance", "advice"),
    [
        (None, 0.05, OF_SCATTER),
        (Path("baseline.json"), 0.05, OF_TIMES),
        (Path("baseline.json"), 0.15, OF_SCATTER),
    ],
)
def test_what_would_help_is_advised(baseline: Path | None, tolerance: float, advice: str) -> None:
    """More instances do not make another hour like this one; a tolerance that is given is not given again."""
    asked = CheckRequest("gate", Options(Path("run")), baseline=baseline, tolerance=tolerance)
    assert advice in _remedy(asked)
