"""A baseline of a machine in another state is no measure, whatever the figures say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.gate.baseline import MUCH, AgainstStored
from harness.measure import preflight
from harness.results import archive
from harness.results.model import Result
from harness.suites import catalog
from harness.suites.arms import SchemeEntry
from harness.suites.model import Suite
from harness.suites.parse import parse
from harness.system.source_tree import OURS

STORED = Path(__file__).parents[1] / "data" / "result.json"
SUITE = """
title = "As the stored result has it"
arms = ["anonymous", "token", "cookie"]

[[scenarios]]
name = "saturation"
load = { model = "closed", users = 8 }
seconds = 1
"""


def result(turn_ns: float | None, **environment: Any) -> Result:
    """The stored result, of a machine whose fixed loop takes this."""
    stored = Result.model_validate_json(STORED.read_text())
    about = stored.environment.model_copy(update={"turn_ns": turn_ns, **environment})
    return stored.model_copy(update={"environment": about})


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgainstStored:
    """A gate with a baseline whose batches are known, of a machine with 4 ns a turn."""
    base = result(4.0)
    thrice = [
        row.model_copy(update={"points": row.points * 3, "instances": 24, "batches": [8, 8, 8]})
        for row in base.measurements
    ]
    archive.save(base.model_copy(update={"measurements": thrice}), tmp_path)
    suite: Suite = parse(SUITE, "mine", "mine.toml")
    schemes: dict[str, SchemeEntry] = catalog.schemes()
    monkeypatch.setattr(catalog, "schemes", lambda _: schemes)
    known = preflight.SuiteValidator("mine.toml", catalog.scenarios())
    return AgainstStored(suite, OURS, known, tmp_path / archive.RESULT_FILE, 0.05)


@pytest.mark.parametrize(
    ("turn_ns", "invalid", "raw"),
    [(4.0, False, True), (4.0 * (MUCH - 0.01), False, False), (4.0 * (MUCH + 0.01), True, False)],
)
def test_a_crowded_machine(task: AgainstStored, turn_ns: float, invalid: bool, raw: bool) -> None:
    """As fast as then: raw times, too. A little slower: ratios only. Much slower: nothing is believed."""
    checks, kept, comparand = task.finalize(result(turn_ns))
    assert [check.status for check in checks] == ["invalid"] * invalid
    assert any(question.is_raw for question in kept) == raw
    assert comparand is not None
    assert comparand.same_machine == raw
    if invalid:
        assert "4.0 ns per iteration when the baseline was measured" in checks[0].detail
        assert "--against" in checks[0].detail


def test_another_machine_may_have_another_speed(task: AgainstStored) -> None:
    """Then ratios are compared, as always between machines."""
    checks, _, comparand = task.finalize(result(9.0, cpu="Another"))
    assert checks == []
    assert comparand is not None
    assert "CPU: " in " ".join(comparand.differing)


def test_a_baseline_that_did_not_look(task: AgainstStored) -> None:
    """One of before the loop was timed is taken as it is."""
    assert task.finalize(result(None))[0] == []
