"""What is made of bouts: rows, ratios and goals, by numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from harness.studies.goals import Goal
from harness.studies.load_engine.cases import CASES, TRUTH_RATE, EngineCase, TrialOutcome
from harness.studies.load_engine.rows import EngineRow, goals, rows
from harness.studies.load_engine.run import render

PLAIN = {"service_p50": 100.0, "service_p90": 200.0, "service_p99": 400.0}
LAG = {"lag_p50": 2.0, "lag_p99": 30.0}
TRUTH = {"p50": 2_000.0, "p90": 2_000.0, "p99": 10_000.0}


def outcome(
    rate: float, seen: Mapping[str, float] = PLAIN, *, cpu_us: float = 15, errors: int = 0
) -> TrialOutcome:
    """A second of so many answers."""
    requests = round(rate)
    return TrialOutcome(requests, errors, 1e9, requests * cpu_us * 1e3, 0.9, PLAIN | dict(seen), {})


def true(off_us: float) -> TrialOutcome:
    """A second against the target, with every percentile so far off."""
    seen = {f"service_{name}": value + off_us for name, value in TRUTH.items()}
    return replace(outcome(500, seen | LAG), truth=TRUTH)


def rounds() -> dict[EngineCase, list[TrialOutcome]]:
    """Two rounds of everything, all goals reached."""
    rates = {"ours": 40_000, "wrk": 42_000, "fast-http-user": 12_000, "http-user": 3_000}
    found = {}
    for engine, cases in CASES.items():
        for case in cases:
            one = outcome(case.rate, LAG) if case.rate else outcome(rates[engine])
            found[case] = [true(40)] * 2 if case.has_truth else [one, one]
    return found


def reached(found: dict[EngineCase, list[TrialOutcome]]) -> dict[bool | None, list[Goal]]:
    """The goals, by whether they are reached."""
    sorted_out: dict[bool | None, list[Goal]] = {True: [], False: [], None: []}
    for goal in goals(rows(found)):
        sorted_out[goal.reached].append(goal)
    return sorted_out


def row(found: dict[EngineCase, list[TrialOutcome]], engine: str, path: str) -> EngineRow:
    """One row."""
    [one] = [row for row in rows(found) if (row.engine, row.path) == (engine, path)]
    return one


def test_a_row_for_every_engine_and_path() -> None:
    """No two share both, so that whoever reads them can tell them apart by these."""
    names = [(row.engine, row.path) for row in rows(rounds())]
    assert len(set(names)) == len(names) == sum(map(len, CASES.values()))


def test_rates_are_geometric_means_over_rounds() -> None:
    """10,000 and 40,000 answers in a second: 20,000; CPU time is that of one request."""
    found = rounds() | {EngineCase("wrk", "/public"): [outcome(10_000), outcome(40_000)]}
    one = row(found, "wrk", "/public")
    assert one.throughput == pytest.approx(20_000)
    assert one.client_cpu == pytest.approx(15)
    assert one.throughput_ci is not None
    assert one.throughput_ci[0] < 10_000


def test_ratios_are_taken_round_by_round() -> None:
    """A round that was slow for both leaves no trace in their ratio."""
    found = rounds()
    found[EngineCase("ours", "/public")] = [outcome(30_000), outcome(15_000)]
    found[EngineCase("wrk", "/public")] = [outcome(40_000), outcome(20_000)]
    one = row(found, "ours", "/public").over["wrk"]["throughput"]
    assert one["ratio"] == pytest.approx(0.75)
    assert one["ci"] == pytest.approx((0.75, 0.75))


def test_a_percentile_of_zero_has_no_ratio() -> None:
    """Locust tells whole milliseconds, and an answer within half of one counts as none."""
    found = rounds()
    found[EngineCase("fast-http-user", "/public")] = [outcome(12_000, {"service_p50": 0.0}), outcome(12_000)]
    over = row(found, "ours", "/public").over["fast-http-user"]
    assert "service_p50" not in over
    assert over["service_p90"]["ratio"] == pytest.approx(1)


def test_all_goals_can_be_reached() -> None:
    """And each is counted."""
    found = reached(rounds())
    assert found[False] == found[None] == []
    assert len(found[True]) == 13


@pytest.mark.parametrize(
    ("case", "outcomes", "text"),
    [
        (EngineCase("wrk", "/public"), [outcome(45_000)] * 2, "wrk's rate"),
        (EngineCase("fast-http-user", "/public"), [outcome(17_000)] * 2, "FastHttpUser's rate"),
        (EngineCase("ours", "/public"), [outcome(40_000, cpu_us=21)] * 2, "client CPU"),
        (EngineCase("wrk", "/api/restricted"), [outcome(40_000, {"service_p50": 112})] * 2, "service_p50"),
        (EngineCase("wrk", "/api/restricted"), [outcome(40_000, {"service_p99": 300})] * 2, "service_p99"),
        (EngineCase("ours-open", "/public", rate=3000), [outcome(3000, {"lag_p99": 101})] * 2, "lag"),
        (EngineCase("ours-open", "/bimodal", rate=TRUTH_RATE), [true(101)] * 2, "truth"),
        (EngineCase("ours", "/public"), [outcome(40_000, errors=1), outcome(40_000)], "wrong"),
    ],
    ids=str,
)
def test_each_goal_can_be_missed(case: EngineCase, outcomes: list[TrialOutcome], text: str) -> None:
    """One figure out of bounds misses one goal, and that one."""
    [missed] = reached(rounds() | {case: outcomes})[False]
    assert text in missed.text


def test_without_wrk_what_is_held_against_it_is_not_measured() -> None:
    """Neither reached nor missed, and it says why."""
    found = reached({case: one for case, one in rounds().items() if case.engine != "wrk"})
    assert len(found[None]) == 4
    assert all("not installed" in goal.figure for goal in found[None])
    assert found[False] == []


def test_the_tables_fit_a_terminal() -> None:
    """In 80 columns nothing is cut; every engine and every goal is there."""
    screen = Console(file=StringIO(), width=80)
    found = rows(rounds())
    render(found, screen)
    printed = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in printed
    assert all(row.engine in printed for row in found)
    assert printed.count("reached") == len(goals(found))
