"""Every validity check, provoked: what is fine, what is doubtful, what must not be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.analysis import checks as validity
from harness.analysis import measurements
from harness.analysis.observation import Observation
from harness.protocol.plan import split_halves
from harness.results.base import Status
from harness.results.environment import LoadWorker
from harness.results.model import Check
from tests.harness.observations import Seen, observe

ARM = ("token",)
#: A server that is busy for 80 % of a slot of 10 ms, and a load generator for half.
SOUND = {"final report", "answers", "instances", "busy cpu"}
BUSY = Seen(0, server_us=800, load_cpu_us=5000)
#: Of a slot of 10 ms, what other programs used of the servers' CPU, in us, and what that makes of it.
STRANGERS = [(0, "ok"), (500, "ok"), (1500, "warning"), (2500, "invalid")]


def checks_of(observed: Observation) -> list[Check]:
    """The checks on a scenario."""
    rows = measurements.measurements(observed, 0.99)
    return validity.check_scenario(observed, rows, seed=1, confidence=0.99)


def checks(observed: Observation) -> dict[str, Check]:
    """The checks on a scenario, by name: of those of one name the worst."""
    worst = ("ok", "warning", "invalid")
    return {one.check: one for one in sorted(checks_of(observed), key=lambda one: worst.index(one.status))}


def closed(**changes: object) -> dict[str, Check]:
    """The checks on one closed-loop slot that differs as said."""
    return checks(observe([Seen(**({"instance": 0, "server_us": 800} | changes))], ARM))  # type: ignore[arg-type]


def opened(**changes: object) -> dict[str, Check]:
    """The checks on one open-loop slot that differs as said."""
    return checks(observe([Seen(**({"instance": 0} | changes))], ARM, model="open"))  # type: ignore[arg-type]


def test_a_sound_closed_loop_is_ok() -> None:
    """These are looked at under saturation, and nothing else."""
    found = closed()
    assert set(found) == SOUND | {"load generator", "server busy"}
    assert _doubtful(found) == {"instances"}  # there is one


def test_a_sound_open_loop_is_ok() -> None:
    """A waiting loop spins: its CPU is not looked at, its lag is."""
    found = opened()
    assert set(found) == SOUND | {"arrivals on time", "arrivals sent"}
    assert _doubtful(found) == {"instances"}


def _doubtful(found: Mapping[str, Check]) -> set[str]:
    return {name for name, one in found.items() if one.status != "ok"}


@pytest.mark.parametrize(("count", "status"), [(1, "invalid"), (2, "warning"), (3, "warning"), (4, "ok")])
def test_too_few_instances(count: int, status: Status) -> None:
    """One has no interval at all, three have one that says little."""
    one = checks(observe([Seen(i, server_us=800) for i in range(count)], ARM * count))["instances"]
    assert one.status == status
    assert f"{count} instance(s)" in one.detail
    assert ("instances = 8" in one.detail) is (status != "ok")


@pytest.mark.parametrize("part", ["server", "load generator"])
@pytest.mark.parametrize(("waited_us", "status"), [(500, "ok"), (501, "warning"), (2001, "invalid")])
def test_a_cpu_that_something_else_uses(part: str, waited_us: int, status: Status) -> None:
    """Of a slot of 10 ms: above 5 % a warning, above 20 % no measurement; it is named who waited."""
    server, load = (waited_us, 0) if part == "server" else (0, waited_us)
    observed = observe([Seen(0, server_us=500, server_wait_us=server, load_wait_us=load)], ARM)
    rows = measurements.measurements(observed, 0.99)
    found = validity.check_scenario(observed, rows, seed=1, confidence=0.99)
    by_part = {part in one.detail: one for one in found if one.check == "busy cpu"}
    assert by_part[True].status == status
    assert by_part[False].status == "ok"
    assert ("end other programs" in by_part[True].detail) is (status != "ok")


def test_a_store_on_the_servers_cpu_is_no_stranger() -> None:
    """Ten requests of 300 us each in the store: the server waited for that, and for nothing else."""
    assert closed(store_us=300, store_ops=10, server_wait_us=3000)["busy cpu"].status == "ok"


def test_threads_of_one_server_are_no_strangers_to_each_other() -> None:
    """Eight that hash passwords stood in line for 70 ms of a slot of 10 ms, of which their server had 9.7."""
    assert closed(server_us=970, server_wait_us=70_000)["busy cpu"].status == "ok"


def test_processes_of_one_server_are_no_strangers_to_each_other() -> None:
    """Four on two CPUs, of which they used 19.4 of 20 ms: what they waited, they waited for each other."""
    observed = replace(observe([Seen(0, server_us=1940, server_wait_us=20_000)], ARM), server_cpus=2)
    assert checks(observed)["busy cpu"].status == "ok"
    assert "on its 2 CPUs 97% of the time" in checks(observed)["server busy"].detail


@pytest.mark.parametrize(("others_us", "status"), STRANGERS)
def test_threads_of_an_idle_server_are_no_strangers_to_each_other(others_us: int, status: Status) -> None:
    """Used for 2 ms of 10, its threads waited for 6 ms; others had its CPU for no longer than they had it."""
    found = opened(server_us=200, server_wait_us=6000, cpus=1, cpus_busy_us=2000 + others_us)
    assert found["busy cpu"].status == status


@pytest.mark.parametrize(("others_us", "status"), STRANGERS)
def test_what_ended_threads_waited_is_bounded_by_what_others_used(others_us: int, status: Status) -> None:
    """Unknown is not nothing; time of interrupts may be charged to the server, and is left out."""
    found = opened(
        server_us=200, server_wait_us=None, cpus=1, cpus_busy_us=2000 + others_us, cpus_irq_us=5000
    )
    assert found["busy cpu"].status == status


def test_interrupts_do_not_hide_a_stranger() -> None:
    """A server that is charged for its own (2 of 8 ms), and a stranger that has the rest of its CPU."""
    found = closed(server_us=700, server_wait_us=3000, cpus=1, cpus_busy_us=8000, cpus_irq_us=2000)
    assert found["busy cpu"].status == "invalid"


@pytest.mark.parametrize(("shares", "status"), [(True, "ok"), (False, "invalid")])
def test_a_store_elsewhere_is_no_excuse(shares: bool, status: Status) -> None:
    """It has a CPU of its own: what the server waited for was something else."""
    seen = [Seen(0, server_us=500, store_us=300, server_wait_us=3000)]
    observed = replace(observe(seen, ARM), store_shares_cpus=shares)
    found = {one.detail: one.status for one in checks_of(observed) if one.check == "busy cpu"}
    assert next(found[detail] for detail in found if "the server" in detail) == status


@pytest.mark.parametrize(("server_us", "status"), [(1000, "ok"), (1100, "invalid")])
def test_more_cpu_time_than_there_is(server_us: int, status: Status) -> None:
    """Eleven of ten milliseconds of one CPU: whatever was counted, it is not what the server used."""
    one = closed(server_us=server_us, cpus=1, cpus_busy_us=10_000)["cpu time"]
    assert one.status == status
    assert ("more than there is" in one.detail) is (status == "invalid")


@pytest.mark.parametrize(("store_us", "status"), [(950, "ok"), (500, "warning"), (100, "invalid")])
def test_servers_that_wait_for_a_busy_store(store_us: float, status: Status) -> None:
    """Then the store is the limit, which is a finding; where neither is busy, something else was."""
    observed = replace(observe([Seen(0, server_us=600, store_us=store_us)], ARM), server_cpus=2)
    one = checks(observed)["server busy"]
    assert one.status == status
    assert ("the store on its own" in one.detail) is (store_us > 300)


def test_every_arm_is_checked() -> None:
    """Two arms, each with its own line, named in it."""
    observed = observe([BUSY, Seen(1, server_us=500)], ("token", "cookie"))
    rows = measurements.measurements(observed, 0.99)
    found = validity.check_scenario(observed, rows, seed=1, confidence=0.99)
    busy = [one for one in found if one.check == "server busy"]
    assert [(one.status, "token" in one.detail, "cookie" in one.detail) for one in busy] == [
        ("ok", True, False),
        ("warning", False, True),
    ]


def test_a_missing_final_report_is_invalid() -> None:
    """What came in without it may be any part of the whole."""
    one = checks(observe([BUSY], ARM, complete=False))["final report"]
    assert one.status == "invalid"
    assert "Run again." in one.detail


def test_any_wrong_answer_is_invalid() -> None:
    """All are counted, the most frequent is named."""
    one = checks(observe([BUSY], ARM, errors={"read: 500": 2, "read: wrong identity": 5}))["answers"]
    assert one.status == "invalid"
    assert "7 errors, most often: read: wrong identity" in one.detail


def test_an_arm_that_recorded_nothing_is_invalid() -> None:
    """The other arm's checks go on."""
    observed = observe([BUSY], ("token", "cookie"))
    found = checks(observed)
    assert found["samples"].status == "invalid"
    assert "cookie: nothing was recorded" in found["samples"].detail
    assert found["server busy"].status == "ok"


def test_nothing_recorded_at_all_is_invalid() -> None:
    """Not even one slot: still a result that says so."""
    observed = observe([], ARM)
    assert checks(observed)["samples"].status == "invalid"
    assert observed.measured_s == 0


@pytest.mark.parametrize(("used_us", "status"), [(8900, "ok"), (9000, "invalid"), (9900, "invalid")])
def test_a_busy_load_generator_is_invalid(used_us: int, status: Status) -> None:
    """From 90 % of its CPU it may be what was measured."""
    one = closed(load_cpu_us=used_us)["load generator"]
    assert one.status == status
    assert f"{used_us / 10_000:.0%}" in one.detail
    assert ("bottleneck" in one.detail) is (status == "invalid")


@pytest.mark.parametrize(("server_us", "status"), [(610, "ok"), (590, "warning"), (390, "invalid")])
def test_an_idle_server_under_saturation(server_us: int, status: Status) -> None:
    """Below 60 % of its time doubtful, below 40 % something else was measured."""
    one = closed(server_us=server_us)["server busy"]
    assert one.status == status
    assert ("not saturated" in one.detail) is (status != "ok")


@pytest.mark.parametrize(("lag_us", "status"), [(1900, "ok"), (2100, "warning")])
def test_arrivals_behind_schedule(lag_us: int, status: Status) -> None:
    """More than 2 ms at the 99th percentile is told, since response times hold it."""
    one = opened(lag_us=[10] * 90 + [lag_us] * 10)["arrivals on time"]
    assert one.status == status
    assert ("lower the rate" in one.detail) is (status == "warning")


@pytest.mark.parametrize(("dropped", "status"), [(0, "ok"), (10, "ok"), (11, "invalid")])
def test_arrivals_that_were_never_sent(dropped: int, status: Status) -> None:
    """More than 1 % of 1,000 arrivals."""
    one = opened(scheduled=1000, dropped=dropped)["arrivals sent"]
    assert one.status == status
    assert f"{dropped / 1000:.2%}" in one.detail


def test_an_arm_that_differs_from_itself_is_a_warning() -> None:
    """Eight instances; the four of one half, found by the check's own seed, need twice the CPU."""
    first, _ = split_halves(range(8), 1)
    moved = [
        Seen(i, server_us=(800 if i in first else 400) * (1 + i / 1000), load_cpu_us=5000) for i in range(8)
    ]
    found = checks(observe(moved, ARM * 8))["a/a"]
    assert found.status == "warning"
    assert "total_cpu" in found.detail
    assert "repeat the run" in found.detail
    even = [Seen(i, server_us=800 * (1 + (i % 3) / 1000)) for i in range(8)]
    assert checks(observe(even, ARM * 8))["a/a"].status == "ok"


def test_too_few_instances_have_no_a_against_a() -> None:
    """Three make no two halves with a variance."""
    assert "a/a" not in checks(observe([Seen(i, server_us=800) for i in range(3)], ARM * 3))


@pytest.mark.parametrize(
    ("share", "status"), [(0, "ok"), (0.1, "ok"), (0.11, "warning"), (0.6, "warning"), (0.61, "invalid")]
)
def test_stolen_cpu(share: float, status: Status) -> None:
    """Above 10 % a warning, above 60 % no measurement."""
    one = validity.check_steal(share)
    assert (one.check, one.status) == ("stolen cpu", status)
    assert f"{share:.1%}" in one.detail
    assert ("repeat" in one.detail) is (status != "ok")


@pytest.mark.parametrize(
    ("share", "status"), [(0, "ok"), (0.01, "ok"), (0.011, "warning"), (0.11, "invalid")]
)
def test_memory_pressure(share: float, status: Status) -> None:
    """Above 1 % of the time a warning, above 10 % no measurement."""
    one = validity.check_memory(share)
    assert (one.check, one.status) == ("memory pressure", status)
    assert ("free some memory" in one.detail) is (status != "ok")


def test_a_replaced_process_is_invalid() -> None:
    """It is named: what served before and after are not one instance."""
    assert validity.check_restarts([], "saturation").status == "ok"
    one = validity.check_restarts(["cookie #3"], "saturation")
    assert (one.check, one.status) == ("restarts", "invalid")
    assert "cookie #3" in one.detail


@pytest.mark.parametrize(("pages", "status"), [(0, "ok"), (1, "invalid")])
def test_swapping(pages: int, status: Status) -> None:
    """A single page is too many."""
    one = validity.check_swap(pages)
    assert (one.check, one.status) == ("swap", status)
    assert f"{pages} pages" in one.detail


@pytest.mark.parametrize(
    ("digests", "status"),
    [
        ({"/here/servers": {"a"}}, "ok"),
        ({"/here/servers": {"a"}, "/there/servers": {"b"}}, "ok"),
        ({"/here/servers": {"a", "b"}}, "invalid"),
        ({"/here/servers": {"a"}, "/there/servers": {"b", "c"}}, "invalid"),
        ({"/here/servers": set()}, "invalid"),
    ],
)
def test_code_under_test(digests: dict[str, set[str]], status: Status) -> None:
    """One digest over all instances of a tree, or it is not known what was measured."""
    assert validity.check_code(digests).status == status


@pytest.mark.parametrize(
    ("head", "differing", "status", "words"),
    [
        ("a", [], "ok", "the same code"),
        ("b", ["servers/http/app.py"], "ok", "1 file(s) of the servers differ"),
        ("a", ["servers/http/app.py"], "invalid", "report one digest"),
        ("b", [], "invalid", "git reports no difference"),
    ],
)
def test_what_ran_differs_as_the_revisions_do(
    head: str, differing: list[str], status: Status, words: str
) -> None:
    """Otherwise it is not known which code was measured."""
    one = validity.check_difference({"a"}, {head}, "0123456789", differing)
    assert (one.check, one.status) == ("revisions", status)
    assert words in one.detail


def worker(**changes: float) -> LoadWorker:
    """One whose clock is known to a fifth of a millisecond."""
    return LoadWorker(host="hog", cpu="a cpu", cpus=2, python="3", clock_error_us=200).model_copy(
        update=changes
    )


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "ok"),
        ({"clock_error_us": 1_000, "late_slots": 5}, "ok"),
        ({"clock_error_us": 1_001}, "warning"),
        ({"late_slots": 6}, "warning"),
    ],
    ids=str,
)
def test_clocks_that_disagree_are_told(changes: dict[str, float], status: str) -> None:
    """A millisecond, and one slot of twenty; the worst worker counts."""
    check = validity.check_clocks("steady", [worker(), worker(**changes)], slots=100)
    assert check.status == status
    assert "hog within 200 µs" in check.detail


def test_a_load_that_broke_off_says_why_and_what_is_kept() -> None:
    """And nothing is said of answers, of which not all are known."""
    found = checks(observe([BUSY], ARM, complete=False, lost="worker 2 of 2, on hog, was lost"))
    assert "worker 2 of 2, on hog, was lost; 1 of 1 slots are kept" in found["final report"].detail
    assert "answers" not in found
