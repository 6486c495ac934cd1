"""From tiny slots, made by hand, to estimates, measurements, comparisons and distributions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from harness.analysis import checks as validity
from harness.analysis import measurements
from harness.analysis import per_instance as points
from harness.analysis.observation import Observation, busy
from harness.analysis.stats.estimate import ratio
from harness.protocol.recording import Recording, SlotUsage, encode
from harness.results.metrics import METRICS
from harness.results.model import Check, Comparison, Measurement
from tests.harness.observations import Seen, observe

ONE = ("token",)


def estimates(*seen: Seen, model: str = "closed") -> dict[str, float]:
    """The estimates of a single instance."""
    return {
        metric: values[0]
        for metric, values in points.instance_estimates(observe(seen, ONE, model=model)).items()
    }


def four(**of_cookie: Any) -> Observation:
    """Two instances of token, two of cookie that differ as said; the second of each needs 1 % more."""
    return observe(
        [
            Seen(0, server_us=100),
            Seen(1, server_us=101),
            Seen(2, **({"server_us": 120.0} | of_cookie)),
            Seen(3, **({"server_us": 121.2} | of_cookie)),
        ]
    )


def rows_of(arm: str, metric: str, points: list[float], scenario: str = "saturation") -> Measurement:
    """A measurement with these points."""
    return Measurement(
        scenario=scenario,
        load="closed, 8 users",
        arm=arm,
        metric=metric,
        unit=METRICS[metric].unit,
        value=points[0],
        ci=None,
        instances=len(points),
        points=points,
        samples=100,
    )


def compare(*rows: Measurement, primary: str = "total_cpu") -> dict[tuple[str, str, str], Comparison]:
    """The comparisons of these rows by metric, base and arm."""
    scenario = observe([Seen(0)], ONE, primary=primary).scenario
    found = measurements.comparisons(rows, scenario, confidence=0.99, margin=0.03)
    return {(one.metric, one.base, one.arm): one for one in found}


def test_a_burst_spoils_a_slot_and_not_the_instance() -> None:
    """CPU, rate and median are trimmed means over slots: one slot out of three does not move them."""
    found = estimates(
        Seen(0, requests=10, server_us=100, service_us=[200]),
        Seen(0, requests=2, server_us=900, service_us=[5000]),
        Seen(0, requests=12, server_us=110, service_us=[210]),
    )
    assert found["server_cpu"] == pytest.approx(110)
    assert found["throughput"] == pytest.approx(1000)  # 10 in 10 ms; the others 200 and 1,200 a second
    assert found["service_p50"] == pytest.approx(210, rel=1e-3)


def test_each_slot_counts_once() -> None:
    """A slot of a thousand slow requests is one slot of three: the merged median would be 900."""
    found = estimates(
        Seen(0, service_us=[100]), Seen(0, service_us=[120]), Seen(0, requests=1000, service_us=[900] * 1000)
    )
    assert found["service_p50"] == pytest.approx(120, rel=1e-3)


def test_tails_come_from_all_requests_of_an_instance() -> None:
    """90 of 100 us and 10 of 1,000 us over two slots: p90 is 100, p99 and p999 are 1,000."""
    found = estimates(
        Seen(0, requests=90, service_us=[100] * 90), Seen(0, requests=10, service_us=[1000] * 10)
    )
    assert found["service_p90"] == pytest.approx(100, rel=1e-3)
    assert found["service_p99"] == pytest.approx(1000, rel=1e-3)
    assert found["service_p999"] == pytest.approx(1000, rel=1e-3)


def test_cost_is_attributed() -> None:
    """The server's, the store's, both together, in us per request; operations and bytes per request."""
    found = estimates(Seen(0, requests=10, server_us=80, store_us=15, store_ops=20), Seen(0, requests=30))
    assert found["server_cpu"] == pytest.approx(8000**0.5)  # geometric mean of 80 and 100
    assert found["store_cpu"] == pytest.approx(7.5)  # mean of 15 and 0, which has no logarithm
    assert found["total_cpu"] == pytest.approx(8000**0.5 + 7.5)
    assert found["store_ops"] == 0.5  # 20 over 40 requests, not the mean of 2 and 0
    assert found["request_bytes"] == 100  # 4,000 over 40
    assert found["response_bytes"] == 50


def test_a_store_that_was_not_asked_costs_nothing() -> None:
    """Without operations what the store burnt is its own housekeeping, and nobody's request."""
    found = estimates(Seen(0, server_us=80, store_us=3, store_ops=0))
    assert (found["store_cpu"], found["store_ops"]) == (0, 0)
    assert found["total_cpu"] == pytest.approx(80)


def test_load_and_errors() -> None:
    """The load's share of its CPU by the slot's time; errors over all requests."""
    found = estimates(Seen(0, load_cpu_us=4000, errors=1), Seen(0, load_cpu_us=6000, requests=90, errors=4))
    assert found["load_cpu"] == pytest.approx(0.5)
    assert found["error_rate"] == pytest.approx(0.05)


def test_the_open_loop_has_a_second_clock_and_arrivals() -> None:
    """Response times, late and dropped arrivals as fractions of those scheduled, lag by all arrivals."""
    found = estimates(
        Seen(0, response_us=[300], scheduled=10, late=1, dropped=0, lag_us=[5] * 99),
        Seen(0, response_us=[500], scheduled=30, late=1, dropped=4, lag_us=[800] * 2),
        Seen(0, response_us=[400], scheduled=10, lag_us=[]),
        model="open",
    )
    assert found["response_p50"] == pytest.approx(400, rel=1e-3)
    assert found["response_p99"] == pytest.approx(500, rel=1e-3)
    assert found["late_arrivals"] == pytest.approx(2 / 50)
    assert found["dropped_arrivals"] == pytest.approx(4 / 50)
    assert found["lag_p99"] == pytest.approx(800, rel=1e-3)


def test_the_closed_loop_has_no_schedule() -> None:
    """Nothing was due, so nothing was late."""
    found = estimates(Seen(0))
    assert not {metric for metric in found if metric.startswith(("response_p", "late", "dropped", "lag"))}


def two_steps() -> Observation:
    """A slot of a login and nine reads, by one instance."""
    observed = observe([Seen(0, requests=9, server_us=100, service_us=[200] * 9)], ONE)
    (read,) = observed.recording.slots
    login = replace(
        read, step="login", requests=1, service=encode([9_000_000]), request_bytes=500, load_cpu_ns=0
    )
    return replace(observed, recording=replace(observed.recording, slots=(read, login)))


def test_steps_of_a_slot_are_taken_together() -> None:
    """A slot of a login and nine reads is one slot of ten requests, over its time counted once."""
    found = {metric: values[0] for metric, values in points.instance_estimates(two_steps()).items()}
    assert found["throughput"] == pytest.approx(1000)
    assert found["server_cpu"] == pytest.approx(90)  # 900 us over ten
    assert found["request_bytes"] == 250
    assert two_steps().measured_s == pytest.approx(0.01)


def test_steps_have_their_own_latencies() -> None:
    """And the whole has none: half a login and half a read is nothing that anybody waits for."""
    rows = measurements.measurements(two_steps(), 0.99)
    medians = {str(row.params): row.value for row in rows if row.metric == "service_p50"}
    assert medians == {
        "{'step': 'read'}": pytest.approx(200, rel=1e-3),
        "{'step': 'login'}": pytest.approx(9000, rel=1e-3),
    }
    assert {str(row.params): row.samples for row in rows} == {
        "{}": 10,
        "{'step': 'read'}": 9,
        "{'step': 'login'}": 1,
    }
    by_step = {row.params["step"]: row.samples for row in measurements.distributions(two_steps())}
    assert by_step == {"read": 9, "login": 1}


def test_steps_are_compared_each_with_its_own_kind_and_not_judged() -> None:
    """A login is compared with a login; the verdict is about the whole."""
    slots = [Seen(i, server_us=100 + 50 * (i > 1) + i, service_us=[200 + i]) for i in range(4)]
    observed = observe(slots)
    reads = observed.recording.slots
    logins = tuple(replace(r, step="login", service=encode([9_000_000 + r.slot])) for r in reads)
    both = replace(observed, recording=replace(observed.recording, slots=reads + logins))
    rows = measurements.comparisons(
        measurements.measurements(both, 0.99), both.scenario, confidence=0.99, margin=0.03
    )
    medians = {row.params["step"]: row.ratio for row in rows if row.metric == "service_p50"}
    assert medians == {"read": pytest.approx(1.01, abs=0.002), "login": pytest.approx(1, abs=1e-3)}
    assert {row.primary for row in rows if row.params} == {False}
    assert [row.verdict for row in rows if row.primary] != ["not judged"]


def test_load_processes_of_a_slot_are_taken_together() -> None:
    """Requests add up, the slot lasts as long as the last of them, and the busiest process is told."""
    one = observe([Seen(0, requests=6, server_us=100, load_cpu_us=2000, elapsed_us=10_000)], ONE)
    other = observe([Seen(0, requests=4, load_cpu_us=9000, elapsed_us=12_000, service_us=[400] * 9)], ONE)
    merged = Recording.merge([one.recording, other.recording])
    found = {m: v[0] for m, v in points.instance_estimates(replace(one, recording=merged)).items()}
    assert found["throughput"] == pytest.approx(10 / 0.012)
    assert found["server_cpu"] == pytest.approx(60)  # 600 us over ten
    assert found["load_cpu"] == pytest.approx(9 / 12)
    assert found["service_p50"] == pytest.approx(400, rel=1e-3)


def test_a_slot_counts_with_record_and_account_only() -> None:
    """A slot without an account, without a record, or without a request is left out."""
    observed = observe([Seen(0), Seen(0), Seen(0, requests=0), Seen(0)], ONE)
    accounts = [*observed.accounts[1:], SlotUsage(9, 0, 1e9, 0, 0)]
    kept = replace(observed, accounts=accounts).slots()
    assert [slot.account.slot for slot in kept] == [1, 3]


def test_measured_time_is_the_recorded_part() -> None:
    """Three slots of 10, 10 and 20 ms."""
    assert observe([Seen(0), Seen(0), Seen(0, elapsed_us=20_000)], ONE).measured_s == pytest.approx(0.04)


def test_measurements_average_instances() -> None:
    """Geometric mean of positive metrics, one point an instance, all requests counted."""
    rows = {(row.arm, row.metric): row for row in measurements.measurements(four(), 0.99)}
    row = rows["token", "server_cpu"]
    assert row.points == pytest.approx([100, 101])
    assert row.value == pytest.approx(math.sqrt(100 * 101))
    assert row.ci is not None
    assert row.ci[0] < 100 < 101 < row.ci[1]
    assert (row.unit, row.instances, row.samples) == ("us/req", 2, 20)
    assert (row.scenario, row.load) == ("saturation", "closed, 8 users")
    assert rows["cookie", "server_rss"].points == [3_000_000, 4_000_000]


def test_metrics_that_may_be_zero_keep_plain_means() -> None:
    """Store operations of 0 and 2 have the mean 1; a geometric one would be 0."""
    observed = observe([Seen(0, store_ops=0), Seen(1, store_ops=20)], ("cookie", "cookie"))
    rows = {row.metric: row for row in measurements.measurements(observed, 0.99)}
    assert rows["store_ops"].value == 1
    assert rows["error_rate"].value == 0


def test_store_memory_is_one_figure_an_arm() -> None:
    """It is no instance's own, so it has no interval."""
    rows = {row.arm: row for row in measurements.measurements(four(), 0.99) if row.metric == "store_memory"}
    assert (rows["cookie"].value, rows["cookie"].ci, rows["cookie"].instances) == (400, None, 1)
    assert rows["token"].value == 0


def test_the_longest_profile_is_one_figure_an_arm() -> None:
    """Of those arms that were asked; without a set length of profiles of none."""
    assert not [row for row in measurements.measurements(four(), 0.99) if row.metric == "longest_profile"]
    observed = replace(four(), longest_profile={"token": 6000})
    [row] = [row for row in measurements.measurements(observed, 0.99) if row.metric == "longest_profile"]
    assert (row.arm, row.value, row.ci, row.points) == ("token", 6000, None, [6000])


def test_every_metric_has_a_unit() -> None:
    """What is measured is what the result file knows, in either loop."""
    for model in ("closed", "open"):
        rows = measurements.measurements(observe([Seen(0), Seen(2)], model=model), 0.99)
        assert {row.metric for row in rows} <= set(METRICS)
        assert all(row.unit == METRICS[row.metric].unit for row in rows)


def test_an_instance_that_recorded_nothing_is_left_out() -> None:
    """Its arm has one instance fewer, and no interval of one."""
    observed = observe([Seen(0), Seen(2), Seen(3)])
    rows = {(row.arm, row.metric): row for row in measurements.measurements(observed, 0.99)}
    assert (rows["token", "server_cpu"].instances, rows["token", "server_cpu"].ci) == (1, None)
    assert rows["cookie", "server_cpu"].instances == 2


def test_a_ratio_is_arm_over_base_by_the_order_of_the_plan() -> None:
    """Cookie comes later and needs 20 % more: 1.2, with the interval and floor of estimate.ratio."""
    observed = four()
    rows = measurements.measurements(observed, 0.99)
    found = measurements.comparisons(rows, observed.scenario, confidence=0.99, margin=0.03)
    (one,) = [row for row in found if row.metric == "server_cpu"]
    assert (one.base, one.arm) == ("token", "cookie")
    assert one.ratio == pytest.approx(1.2)
    expected = ratio([100, 101], [120, 121.2], 0.99)
    assert one.ci == pytest.approx((expected.low, expected.high))
    assert one.noise_floor == pytest.approx(expected.noise_floor)
    assert (one.scenario, one.load) == ("saturation", "closed, 8 users")


def test_all_pairs_of_arms_are_compared() -> None:
    """Three arms have three pairs, each later over earlier."""
    rows = [rows_of(arm, "total_cpu", [1.0, 1.01, 1.02]) for arm in ("anonymous", "token", "cookie")]
    assert list(compare(*rows)) == [
        ("total_cpu", "anonymous", "token"),
        ("total_cpu", "anonymous", "cookie"),
        ("total_cpu", "token", "cookie"),
    ]


BASE = [100.0, 100.5, 99.5, 100.2]
MORE = [110.0, 110.5, 109.5, 110.2]


def test_only_the_primary_metric_is_judged() -> None:
    """Ten per cent more, surely: slower in the primary metric, described in the others."""
    found = compare(
        rows_of("token", "total_cpu", BASE),
        rows_of("cookie", "total_cpu", MORE),
        rows_of("token", "server_cpu", BASE),
        rows_of("cookie", "server_cpu", MORE),
    )
    judged, described = found["total_cpu", "token", "cookie"], found["server_cpu", "token", "cookie"]
    assert (judged.primary, judged.verdict) == (True, "slower")
    assert (described.primary, described.verdict) == (False, "not judged")
    assert described.ratio == pytest.approx(1.1, rel=1e-3)


def test_an_invalid_measurement_has_no_verdict() -> None:
    """The figures stay, the words go; the metric is still named as the primary one."""
    rows = (rows_of("token", "total_cpu", BASE), rows_of("cookie", "total_cpu", MORE))
    judged = compare(*rows)["total_cpu", "token", "cookie"]
    believed, doubted = (
        Check(check="answers", status=status, detail="") for status in ("warning", "invalid")
    )
    assert validity.without_verdicts([judged], [believed]) == [judged]
    assert judged.verdict == "slower"
    (one,) = validity.without_verdicts([judged], [believed, doubted])
    assert (one.primary, one.verdict) == (True, "not judged")
    assert one.ratio == pytest.approx(1.1, rel=1e-3)


def test_more_throughput_is_faster() -> None:
    """The one metric in which more is better."""
    rows = (rows_of("token", "throughput", BASE), rows_of("cookie", "throughput", MORE))
    assert compare(*rows, primary="throughput")["throughput", "token", "cookie"].verdict == "faster"


def test_holm_counts_all_pairs_of_the_primary() -> None:
    """Alone token against cookie is slower (p = 0.0083); beside two dull pairs it is not decided.

    The plain interval is the same in both families: Holm enters the verdict alone.
    """
    token, cookie = [1.0, 1.02, 0.98, 1.01], [1.05, 1.07, 1.03, 1.08]
    p_value = ratio(token, cookie, 0.99).p_equal
    assert 0.01 / 3 < p_value < 0.01
    rows = [rows_of("token", "total_cpu", token), rows_of("cookie", "total_cpu", cookie)]
    dull = rows_of("anonymous", "total_cpu", [0.9, 1.1, 1.2, 0.95])
    alone = compare(*rows)["total_cpu", "token", "cookie"]
    beside = compare(dull, *rows)["total_cpu", "token", "cookie"]
    assert (alone.verdict, beside.verdict) == ("slower", "inconclusive")
    assert alone.ci == beside.ci


def test_what_has_no_ratio_is_not_compared() -> None:
    """Metrics that may be zero, a single instance, and a point that is not positive."""
    assert not compare(rows_of("token", "store_ops", [1.0, 1.0]), rows_of("cookie", "store_ops", [2.0, 2.0]))
    assert not compare(rows_of("token", "total_cpu", [1.0]), rows_of("cookie", "total_cpu", [2.0, 2.0]))
    assert not compare(rows_of("token", "total_cpu", [0.0, 1.0]), rows_of("cookie", "total_cpu", [2.0, 2.0]))


def test_a_against_a_splits_one_arm() -> None:
    """Two halves of two: of 1, 1, 2, 2 the ratio is 2, 1/2 or 1, as the seed deals; never another."""
    row = rows_of("token", "total_cpu", [1.0, 1.0, 2.0, 2.0])
    found = {seed: measurements.aa_test(row, seed, 0.99) for seed in range(30)}
    values = {round(one.value, 6) for one in found.values() if one}
    assert values == {0.5, 1.0, 2.0}
    assert measurements.aa_test(row, 3, 0.99) == found[3]


def test_a_against_a_needs_four_positive_points() -> None:
    """Halves of one instance have no variance, and zero no logarithm."""
    assert measurements.aa_test(rows_of("token", "total_cpu", [1.0, 1.1, 1.2]), 1, 0.99) is None
    assert measurements.aa_test(rows_of("token", "total_cpu", [0.0, 1.1, 1.2, 1.1]), 1, 0.99) is None
    assert measurements.aa_test(rows_of("token", "total_cpu", [1.0, 1.1, 1.2, 1.1]), 1, 0.99) is not None


def test_distributions_merge_an_arm() -> None:
    """All requests of all instances of an arm, ascending to the greatest; one clock in closed loop."""
    observed = observe(
        [
            Seen(0, service_us=[100] * 5),
            Seen(1, service_us=[200] * 4),
            Seen(1, service_us=[7000]),
            Seen(2, service_us=[50]),
        ]
    )
    rows = measurements.distributions(observed)
    assert [(row.arm, row.clock, row.samples) for row in rows] == [
        ("token", "service", 10),
        ("cookie", "service", 1),
    ]
    percentiles = [percentile for percentile, _ in rows[0].points]
    values = [value for _, value in rows[0].points]
    assert percentiles == sorted(percentiles)
    assert percentiles[-1] == 100
    assert values == sorted(values)
    assert values[0] == pytest.approx(100, rel=1e-3)
    assert values[-1] == pytest.approx(7000, rel=1e-3)


def test_the_open_loop_has_two_distributions_an_arm() -> None:
    """Service from sending, response from the schedule."""
    rows = measurements.distributions(
        observe([Seen(0, service_us=[100], response_us=[900])], ONE, model="open")
    )
    assert [(row.clock, row.samples) for row in rows] == [("service", 1), ("response", 1)]
    assert [row.points[-1][1] for row in rows] == pytest.approx([100, 900], rel=1e-3)


def test_how_busy_a_server_was() -> None:
    """CPU over time, median over the arm's own slots: 10 requests of 100, 500, 900 us in 10 ms."""
    observed = observe(
        [Seen(0, server_us=100), Seen(1, server_us=500), Seen(1, server_us=900), Seen(2, server_us=700)]
    )
    assert busy(observed, "token")[0] == pytest.approx(0.5)
    assert busy(observed, "cookie")[0] == pytest.approx(0.7)


def test_how_busy_several_cpus_were() -> None:
    """Per CPU that the processes can use: 10 requests of 1.5 ms in 10 ms on two; the store has one thread."""
    observed = replace(observe([Seen(0, server_us=1500, store_us=900)]), server_cpus=2)
    assert busy(observed, "token") == pytest.approx((0.75, 0.9))


def test_a_searchs_capacity_is_the_middle_of_what_it_tried_at_the_end() -> None:
    """Of an instance's slots only those count in which the search had settled: 400 and 900 make 600."""
    observed = observe([Seen(0), Seen(0), Seen(0), Seen(1)], ("token", "cookie"), model="open")
    rates = [(100.0, False), (400.0, True), (900.0, True), (50.0, False)]
    slots = tuple(
        replace(record, rate=rate, settled=settled)
        for record, (rate, settled) in zip(observed.recording.slots, rates, strict=True)
    )
    observed = replace(
        observed,
        plan=replace(observed.plan, limit_ns=5_000_000),
        recording=replace(observed.recording, slots=slots),
    )
    found = points.instance_estimates(observed)
    assert found["capacity"] == {0: pytest.approx(600)}
    assert "lag_p99" not in found
    checks = validity.check_scenario(
        observed, measurements.measurements(observed, 0.99), seed=1, confidence=0.99
    )
    [cookie] = [one for one in checks if one.check == "samples"]
    assert cookie.status == "invalid"
    assert "more seconds" in cookie.detail
