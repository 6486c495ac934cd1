"""What a run has found, batch by batch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.observation import Observation
from harness.analysis.stats.estimate import ratio
from harness.analysis.stats.sequential import Pending
from harness.measure.result_builder import ResultBuilder
from harness.suites.model import Load, Scenario, Suite
from tests.harness.observations import Seen, observe

SUITE = Suite(
    name="my",
    title="Mine",
    arms=["token", "cookie"],
    scenarios=[
        Scenario(name="saturation", load=Load(model="closed"), seconds=1, slot_ms=10),
        Scenario(name="steady", load=Load(model="open", rate=1000), seconds=1, slot_ms=10),
    ],
)
ARMS = ("token", "cookie") * 4


def seen(index: int, ratio: float, scatter: float = 0.001, number: int = 1) -> Observation:
    """Four instances of each arm, one so much dearer than the other, in the suite's scenario `index`."""
    slots = [
        Seen(
            i,
            server_us=800 * (ratio if i % 2 else 1) * (1 + scatter * (i // 2)),
            service_us=(round(100_000 * (ratio if i % 2 else 1) * (1 + scatter * (i // 2))),),
        )
        for i in range(8)
    ]
    one = observe(slots, ARMS, model="open" if index else "closed")
    return replace(one, scenario=SUITE.scenarios[index], number=number)


@pytest.fixture
def findings() -> ResultBuilder:
    """Of a run that may look three times."""
    return ResultBuilder(SUITE, 1, 3)


def test_a_scenario_not_measured_yet_is_undecided(findings: ResultBuilder) -> None:
    """Both are, and then the one that is left."""
    assert findings.undecided() == Pending(frozenset({0, 1}), frozenset({"token", "cookie"}))
    findings.add(0, seen(0, 1.2))
    assert findings.undecided().scenarios == {1}


def test_a_scenario_is_undecided_until_its_verdict_is_reached(findings: ResultBuilder) -> None:
    """Four instances that scatter by ten per cent cannot tell; the second batch of them agrees better."""
    findings.add(1, seen(1, 1.2))
    findings.add(0, seen(0, 1.1, scatter=0.1))
    assert findings.undecided().scenarios == {0}
    findings.add(0, seen(0, 1.5, number=2))
    findings.add(0, seen(0, 1.5, number=3))
    assert not findings.undecided()
    counts = {row.scenario: row.instances for row in findings.measurements if row.metric == "server_cpu"}
    assert counts == {"saturation": 12, "steady": 4}


def test_rows_come_in_the_order_of_the_suite(findings: ResultBuilder) -> None:
    """Whatever was measured first."""
    findings.add(1, seen(1, 1.2))
    findings.add(0, seen(0, 1.2))
    assert list(dict.fromkeys(row.scenario for row in findings.measurements)) == ["saturation", "steady"]
    assert [row.scenario for row in findings.comparisons if row.primary] == ["saturation", "steady"]
    assert findings.measured_s == pytest.approx(0.16)
    assert findings.answers_end == "read"


def test_each_look_has_its_share_of_the_level() -> None:
    """A run that may look three times has its intervals at 99.67 %, from the first look on."""
    for looks, confidence in ((1, 0.99), (3, 1 - 0.01 / 3)):
        findings = ResultBuilder(SUITE, 1, looks)
        findings.add(0, seen(0, 1.2, scatter=0.01))
        [row] = [row for row in findings.comparisons if row.primary]
        points = {one.arm: one.points for one in findings.measurements if one.metric == "total_cpu"}
        expected = ratio(points["token"], points["cookie"], confidence)
        assert row.ci == pytest.approx((expected.low, expected.high))


def test_every_batch_is_checked_by_itself(findings: ResultBuilder) -> None:
    """A wrong answer in the second batch takes the verdict of all."""
    findings.add(0, seen(0, 1.2))
    wrong = seen(0, 1.2, number=2)
    wrong = replace(wrong, recording=replace(wrong.recording, errors={"read: 500": 1}))
    assert findings.valid
    findings.add(0, wrong)
    assert [check.check for check in findings.checks if check.status == "invalid"] == ["answers"]
    assert {row.verdict for row in findings.comparisons} == {"not judged"}
    details = [check.detail for check in findings.checks if check.check == "answers"]
    assert [", batch 2" in text for text in details] == [False, True]
