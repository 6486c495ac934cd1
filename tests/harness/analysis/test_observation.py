"""Batches of one scenario put together, and what is made of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from harness.analysis import measurements
from harness.analysis.observation import Observation, joined
from harness.analysis.stats.estimate import ratio, stratified_ratio
from harness.results.model import Vitals
from tests.harness.observations import Seen, observe

ARMS = ("token", "cookie", "token", "cookie")


def batch(number: int, factor: float, errors: int = 0) -> Observation:
    """Two instances of each arm, cookie a fifth dearer, at a time when everything costs `factor`."""
    seen = [Seen(i, server_us=cost * factor) for i, cost in enumerate((100, 120, 101, 121.2))]
    one = observe(seen, ARMS, errors={"read: 500": errors} if errors else {})
    vitals = Vitals(
        scenario="saturation",
        load="closed, 8 users",
        process="cookie #1",
        arm="cookie",
        at_s=[1.0],
        rss=[1],
        descriptors=[1],
        threads=[1],
    )
    return replace(one, number=number, vitals=[vitals])


def test_one_batch_is_what_it_was() -> None:
    """Nothing is numbered on."""
    one = batch(1, 1)
    assert joined([one]) is one
    assert one.label == "saturation (closed, 8 users)"


def test_instances_and_slots_are_numbered_on() -> None:
    """The second batch's follow those of the first; each belongs to its batch."""
    both = joined([batch(1, 1), batch(2, 1.5)])
    assert [one.instance for one in both.plan.targets] == list(range(8))
    assert [one.arm for one in both.plan.targets] == [*ARMS, *ARMS]
    assert both.plan.order == tuple(range(8))
    assert [(one.slot, one.instance) for one in both.accounts] == [(i, i) for i in range(8)]
    assert [(one.slot, one.instance) for one in both.recording.slots] == [(i, i) for i in range(8)]
    assert [both.batch(instance) for instance in range(8)] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert both.server_rss.keys() == set(range(8))
    assert len(both.slots()) == 8


def test_what_a_batch_says_of_itself() -> None:
    """Its number is in its label, and its processes are told apart from those of the batch before."""
    two = batch(2, 1)
    assert two.label == "saturation (closed, 8 users), batch 2"
    both = joined([batch(1, 1), two])
    assert [one.process for one in both.vitals] == ["cookie #1, batch 1", "cookie #1, batch 2"]


def test_errors_add_up_and_memory_is_averaged() -> None:
    """Keys in the store are counted once a batch."""
    both = joined([batch(1, 1, errors=1), batch(2, 1, errors=2)])
    assert both.recording.errors == {"read: 500": 3}
    assert both.store_memory == {"token": 0, "cookie": 400}


def test_the_longest_profile_is_that_which_every_batch_let_in() -> None:
    """Of an arm that a later batch leaves out, what the others found."""
    first = replace(batch(1, 1), longest_profile={"token": 6000, "cookie": 9000})
    both = joined([first, replace(batch(2, 1), longest_profile={"token": 5999})])
    assert both.longest_profile == {"token": 5999, "cookie": 9000}


def test_one_batch_without_its_end_makes_the_whole_incomplete() -> None:
    """As with one load process of several."""
    torn = batch(2, 1)
    torn = replace(torn, recording=replace(torn.recording, complete=False))
    assert not joined([batch(1, 1), torn]).recording.complete


def test_arms_are_compared_within_each_batch() -> None:
    """The machine took half as long again in the second batch, which says nothing about the arms."""
    both = joined([batch(1, 1), batch(2, 1.5)])
    rows = measurements.measurements(both, 0.99)
    [token] = [row for row in rows if (row.arm, row.metric) == ("token", "server_cpu")]
    assert token.points == pytest.approx([100, 101, 150, 151.5])
    assert token.batches == [2, 2]
    assert token.by_batch() == [pytest.approx([100, 101]), pytest.approx([150, 151.5])]
    found = measurements.comparisons(rows, both.scenario, confidence=0.99, margin=0.03)
    [one] = [row for row in found if row.metric == "server_cpu"]
    assert one.ratio == pytest.approx(1.2)
    assert one.ci is not None
    blind = ratio([100, 101, 150, 151.5], [120, 121.2, 180, 181.8], 0.99)
    assert one.ci[1] / one.ci[0] < blind.high / blind.low
    pairs: list[tuple[list[float], list[float]]] = [([100, 101], [120, 121.2]), ([150, 151.5], [180, 181.8])]
    expected = stratified_ratio(pairs, 0.99)
    assert one.ci == pytest.approx((expected.low, expected.high))


def test_one_batch_has_no_counts() -> None:
    """Results of a single batch read as they always did."""
    rows = measurements.measurements(batch(1, 1), 0.99)
    assert all(row.batches == [] for row in rows)
    assert all(row.by_batch() == [row.points] for row in rows)


def test_a_later_batch_may_leave_out_an_arm() -> None:
    """It keeps what it had; comparisons rest on the batches that both arms were in."""
    first = batch(1, 1)
    alone = observe([Seen(0, server_us=130), Seen(1, server_us=132)], ("cookie", "cookie"))
    both = joined([first, replace(alone, number=2)])
    assert both.sizes == (4, 2)
    assert [both.batch(instance) for instance in range(6)] == [0, 0, 0, 0, 1, 1]
    rows = {row.arm: row for row in measurements.measurements(both, 0.99) if row.metric == "server_cpu"}
    assert rows["token"].batches == [2, 0]
    assert rows["cookie"].batches == [2, 2]
    assert rows["token"].by_batch() == [pytest.approx([100, 101]), []]
    [(cookies, tokens)] = rows["cookie"].paired(rows["token"])
    assert cookies == pytest.approx([120, 121.2])
    assert tokens == pytest.approx([100, 101])
    [one] = [
        row
        for row in measurements.comparisons(list(rows.values()), both.scenario, confidence=0.99, margin=0.03)
        if row.metric == "server_cpu"
    ]
    assert one.ratio == pytest.approx(1.2)
    assert both.store_memory == {"token": 0, "cookie": 400}


def test_only_the_pairs_asked_for_are_compared() -> None:
    """Base first, whatever the order of the arms; an arm that is not there is none."""
    rows = measurements.measurements(batch(1, 1), 0.99)
    asked = [("cookie", "token"), ("cookie", "nobody")]
    found = measurements.comparisons(rows, batch(1, 1).scenario, confidence=0.99, margin=0.03, among=asked)
    assert {(row.base, row.arm) for row in found} == {("cookie", "token")}


def test_a_batch_with_one_instance_left_is_not_compared() -> None:
    """There is no spread within it."""
    lost = batch(2, 1)
    lost = replace(lost, accounts=[one for one in lost.accounts if one.instance != 3])
    rows = measurements.measurements(joined([batch(1, 1), lost]), 0.99)
    assert [row.batches for row in rows if row.metric == "server_cpu"] == [[2, 2], [2, 1]]
    found = measurements.comparisons(rows, lost.scenario, confidence=0.99, margin=0.03)
    assert not [row for row in found if row.metric == "server_cpu"]
    assert math.isfinite(sum(row.value for row in rows))
