"""docs/reference.md leaves nothing out: suite keys, metrics and parts of the result file."""

import re
from pathlib import Path

import pytest

from harness.results.metrics import METRICS
from harness.results.model import Result
from harness.suites.external import ExternalServer, OwnAccounts
from harness.suites.model import Load, Scenario, Servers, Suite

REFERENCE = (Path(__file__).parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
#: All tables of a suite.
SUITE = (Suite, Scenario, Load, Servers, ExternalServer, OwnAccounts)


def named_below(heading: str) -> set[str]:
    """What the first cells of the tables below a heading name."""
    section = REFERENCE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        (
            "Suites",
            {name for part in SUITE for name in part.model_fields},
        ),
        ("Metrics", METRICS.keys()),
        ("The result file", Result.model_fields.keys()),
    ],
)
def test_the_reference_is_complete(heading: str, names: set[str]) -> None:
    """Every name there is stands in a table, and no other."""
    assert named_below(heading) == set(names)
